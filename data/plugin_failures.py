"""Messages about plug-ins that raise an unexpected error during a command.

The traceback of an error names files and lines, but not the plug-in that the user
chose. `affuse.data.plugins` reports plug-ins that cannot be loaded.
"""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from affuse.data import plugins
from affuse.data.errors import AffuseError
from affuse.data.installed_plugins import PluginError
from affuse.data.plugin_kinds import KINDS
from affuse.data.terminal import printable

SHOWN = 300  # characters of the message of an error


class _Plugin(NamedTuple):
    """Plug-in, and the module whose code and submodules belong to it."""

    module: str
    description: str


@contextmanager
def told() -> Iterator[None]:
    """Convert an unexpected error of a plug-in to a sentence that names the plug-in.

    Raises:
        AffuseError: instead of an error that `describe` attributes to a plug-in
    """
    try:
        yield
    except (AffuseError, OSError):
        raise  # commands print these errors as they are
    except Exception as error:
        if sentence := describe(error):
            raise AffuseError(sentence) from error
        raise


def describe(error: BaseException) -> str:
    """Return a sentence that names the plug-in that raised an error, or "".

    The plug-in is that of the innermost call in the traceback. It may have called this
    project or a library, which raised the error.

    Args:
        error: with its traceback

    Returns:
        "" if no line of a plug-in is in the traceback
    """
    present = list(_plugins())
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        name = str(frame.f_globals.get("__name__", ""))
        for plugin in present:
            if name == plugin.module or name.startswith(f"{plugin.module}."):
                place = f"{frame.f_code.co_filename}, line {line}"
                return (
                    f"{plugin.description} ({place}) raises {_reason(error)}; correct "
                    f"it, or tell its authors; --debug shows the traceback"
                )
    return ""


def _plugins() -> Iterator[_Plugin]:
    """Yield all plug-ins, without importing any."""
    for kind in KINDS:
        for name in plugins.names(kind):
            try:
                source = plugins.source(kind, name)
            except PluginError:  # two packages offer it, so none of them was used
                continue
            package = f"{source.package} {source.version}".strip()
            origin = f" of the package {package}" if source.package else ""
            # The other modules of an installed package belong to its plug-in too.
            module = source.module.split(".")[0] if source.package else source.module
            yield _Plugin(module, f"the {kind.noun} '{name}'{origin}")


def _reason(error: BaseException) -> str:
    """Return the class of an error and the beginning of its message on one line."""
    text = printable(" ".join(str(error).split()))
    shortened = f"{text[:SHOWN]}…" if len(text) > SHOWN else text
    return f"{type(error).__name__}: {shortened}".removesuffix(": ").rstrip(".")
