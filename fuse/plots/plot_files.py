"""Files of plots: the same bytes for the same data, whatever the user's settings.

matplotlib is an extra, so it is imported in functions only.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from affuse.data.errors import AffuseError
from affuse.data.system.environment import extra_command
from affuse.fuse.plots.plot_style import STYLE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLOT_FORMATS = ("svg", "png", "pdf")
NO_DATE: dict[str, dict[str, Any]] = {
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
    "png": {},
}


def demand_matplotlib(subject: str, extra: str) -> None:
    """Raise an error if matplotlib is not installed.

    Args:
        subject: what needs it, for the error, such as an option
        extra: name of the extra of setup.cfg that installs it

    Raises:
        AffuseError: with the command to type
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise AffuseError(
            f"{subject} needs the package matplotlib; {extra_command(extra)}"
        ) from error


@contextmanager
def plot_style(changes: Any = None) -> Iterator[None]:
    """Draw and save figures in this context with the style of this project.

    Args:
        changes: mapping of settings of matplotlib that differ from `STYLE`, or None
    """
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        # The font lacks some characters of names; it draws a box for each.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        matplotlib.rcParams.update(changes or {})
        yield


def encode_figure(figure: "Figure", form: str) -> bytes:
    """Return the bytes of a figure's file, without the time of its creation.

    Args:
        figure: drawn within `plot_style`, in which this function is also called
        form: one of `PLOT_FORMATS`
    """
    content = io.BytesIO()
    figure.savefig(content, format=form, metadata=NO_DATE[form])
    return content.getvalue()
