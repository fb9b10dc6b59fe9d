"""Plot of predictions: ratings over time, and segments in the valence-arousal plane.

Up to `MOST_LINES` recordings or channels are lines over time, one panel for each
rating. A band shows the interval of a calibrated model, or the standard deviation over
the models. More recordings are points in the plane only. The axes show the whole scale
of the training data.
"""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from affuse.data.errors import OptionError
from affuse.data.system.atomic_files import publish
from affuse.data.terminal import printable
from affuse.extract.inference.plot_panels import (
    MOST_LINES,
    TITLE,
    draw_legend,
    draw_plane,
    draw_trajectories,
)
from affuse.extract.inference.plot_series import PlottedSeries, collect_series
from affuse.extract.inference.predicted_segments import ModelFacts, PredictedSegment
from affuse.extract.inference.prediction_columns import NATURES
from affuse.fuse.plots.plot_files import (
    PLOT_FORMATS,
    demand_matplotlib,
    encode_figure,
    plot_style,
)
from affuse.fuse.wording import count

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EXTRA = "plot"  # of setup.cfg, with the package that plots need
UNKNOWN = (-1.0, 1.0)  # scale of the plot if that of the training data is not known
WIDE, NARROW, HEIGHT = 11.0, 6.0, 6.0  # inches
CHARACTERS, TITLE_CHARACTERS = 15, 11  # of small text and of the title in an inch


def check_plot_path(path: Path) -> None:
    """Raise an error if a plot cannot be drawn to a path, before anything is predicted.

    Args:
        path: of the plot; its ending is the format

    Raises:
        OptionError: if the ending is none of `PLOT_FORMATS`
        AffuseError: if matplotlib is not installed
    """
    if _format(path) not in PLOT_FORMATS:
        raise OptionError(
            f"--plot {path} must end in one of .{', .'.join(PLOT_FORMATS)}; the ending "
            f"is the format of the plot"
        )
    demand_matplotlib("--plot", EXTRA)


def write_plot(
    path: Path, facts: ModelFacts, segments: Iterable[PredictedSegment]
) -> None:
    """Draw predictions to a file, without a display.

    Args:
        path: of the plot, which is replaced if it exists; its ending is the format
        facts: on the model
        segments: of any recordings; they are all held in memory

    Raises:
        OptionError: if the ending is no format, or nothing can be drawn
        AffuseError: if matplotlib is not installed
        OSError: if the file cannot be written
    """
    check_plot_path(path)
    with plot_style():
        content = encode_figure(draw_figure(facts, segments), _format(path))
    publish(path, content)


def _format(path: Path) -> str:
    """Return the ending of a file name in lower case, without the dot."""
    return path.suffix.lower().removeprefix(".")


def draw_figure(facts: ModelFacts, segments: Iterable[PredictedSegment]) -> "Figure":
    """Return the figure with all panels and texts.

    Args:
        facts: on the model
        segments: of any recordings

    Raises:
        OptionError: if nothing can be drawn
    """
    from matplotlib.figure import Figure

    series = collect_series(segments)
    if not series:
        raise OptionError("there is no plot, because nothing was predicted")
    scale = facts.scale or UNKNOWN
    over_time = len(series) <= MOST_LINES and any(one.is_timed for one in series)
    in_plane = {"valence", "arousal"} <= set(facts.targets)
    if not over_time and not in_plane:
        raise OptionError(
            f"there is no plot: the model does not predict valence and arousal, and "
            f"there are not 1 to {MOST_LINES} recordings with several segments"
        )
    width = WIDE if over_time and in_plane else NARROW
    figure = Figure(figsize=(width, HEIGHT))
    figure.set_layout_engine("constrained", w_pad=0.08, h_pad=0.08)
    widths = [1.2] * over_time + [1.0] * in_plane
    parts = figure.subfigures(1, len(widths), width_ratios=widths, squeeze=False)[0]
    if over_time:
        draw_trajectories(parts[0], facts.targets, scale, series)
    if in_plane:
        draw_plane(parts[-1], scale, series)
    room = int(width * CHARACTERS)
    title = _wrapped(_title(facts, series), int(width * TITLE_CHARACTERS))
    if 1 < len(series) <= MOST_LINES:
        draw_legend(figure, title, series)
    else:
        figure.suptitle(title, fontsize=TITLE)
    sentences = describe_values(facts, with_bands=over_time)
    notes = "\n".join(_wrapped(text, room) for text in sentences)
    figure.supxlabel(notes, fontsize=8, color="#444444", x=0.02, ha="left")
    return figure


def _title(facts: ModelFacts, series: Sequence[PlottedSeries]) -> str:
    """Return what is drawn, with the kind of ratings the model was trained on."""
    files = {segment.file for one in series for segment in one.segments}
    what = printable(next(iter(files))) if len(files) == 1 else ""
    what = what or count(len(files), "recording")
    kind = facts.several or f"{facts.nature} ratings"
    return f"{what}: predictions of {printable(facts.name)}, trained on {kind}"


def describe_values(facts: ModelFacts, *, with_bands: bool) -> Iterator[str]:
    """Yield sentences on values, bands and the model, which stand below the panels.

    Args:
        facts: on the model
        with_bands: True if the panels have bands
    """
    is_calibrated = facts.level is not None
    yield (
        "Values: calibrated predictions."
        if is_calibrated
        else f"Values: mean over {count(facts.models, 'model')}."
    )
    if with_bands and facts.level is not None:
        yield f"Bands: intervals made to hold {100 * facts.level:g} % of the ratings."
    elif with_bands and facts.models > 1:
        yield (
            "Bands: plus and minus one standard deviation over the models, which is no "
            "measure of the error."
        )
    if facts.scale is None:
        yield "The scale of the training data is not known, so ratings are on [-1, 1]."
    if NATURES.get(facts.nature):
        yield f"{NATURES[facts.nature]}."
    if facts.adaptation:
        yield facts.adaptation


def _wrapped(text: str, room: int) -> str:
    """Return a text in lines of limited length."""
    return textwrap.fill(printable(text), room)
