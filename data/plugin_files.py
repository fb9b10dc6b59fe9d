"""Plug-ins from files that the user names in a command, with ``--design FILE.py``.

Only naming a file in a command permits to run it. A path that is merely written in a
folder of results is data, and is never run.
"""

import hashlib
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import cast

from affuse.data.errors import AffuseError, OptionError
from affuse.data.plugin_kinds import PluginKind

PREFIX = "affuse_file_"  # of the names of the modules


@dataclass(frozen=True)
class PluginFile:
    """File of a plug-in that was run, and the module that it defines."""

    path: Path  # absolute
    sha256: str  # of its bytes
    module: ModuleType


_FILES: dict[tuple[str, str], PluginFile] = {}  # by package of the kind, and name


def added_files(kind: PluginKind) -> Mapping[str, PluginFile]:
    """Return the files of one kind that were added in this process, by name.

    Args:
        kind: of plug-in
    """
    return {
        name: file
        for (package, name), file in _FILES.items()
        if package == kind.package
    }


def add(kind: PluginKind, path: Path, check: Callable[[ModuleType], object]) -> None:
    """Run a file as a module and add it as a plug-in with the name of the file's stem.

    It replaces a file of the same name that was added before, if it can be used.

    Args:
        kind: of the plug-in that the file defines
        path: of the file
        check: function that raises an `AffuseError` if the module cannot be used

    Raises:
        OptionError: if there is no such file
        AffuseError: if the file raises an error or lacks a name that plug-ins of its
            kind define, or if `check` refuses it
    """
    if not path.is_file():  # a pipe would block the command
        raise OptionError(
            f"{path} is no file; name a Python file that defines "
            f"{', '.join(kind.offers)}"
        )
    content = path.read_bytes()
    absolute, name = path.resolve(), f"{PREFIX}{path.stem}"
    spec = cast(ModuleSpec, spec_from_file_location(name, absolute))
    module = module_from_spec(spec)
    previous = sys.modules.get(name)
    sys.modules[name] = module  # where the module's dataclasses look it up
    try:
        _run(content, module, absolute)
        _demand(kind, module, absolute, check)
    except BaseException:
        if previous is None:
            del sys.modules[name]
        else:
            sys.modules[name] = previous
        raise
    file = PluginFile(absolute, hashlib.sha256(content).hexdigest(), module)
    _FILES[kind.package, path.stem] = file


def _run(content: bytes, module: ModuleType, path: Path) -> None:
    """Run the content of a file in a module.

    It is compiled from the bytes that were read, without a byte-code file, so that an
    edit within the same second has an effect.
    """
    try:
        exec(compile(content, str(path), "exec"), module.__dict__)
    except (Exception, SystemExit) as error:
        raise AffuseError(
            f"{path}{_line(error, path)} raises {type(error).__name__}: "
            f"{(str(error).splitlines() or [''])[0]}; correct the file"
        ) from error


def _demand(
    kind: PluginKind,
    module: ModuleType,
    path: Path,
    check: Callable[[ModuleType], object],
) -> None:
    """Raise `AffuseError` if a file does not define a plug-in of its kind."""
    if lacking := [name for name in kind.offers if not hasattr(module, name)]:
        raise AffuseError(
            f"{path} does not define {', '.join(lacking)}, which every {kind.noun} "
            f"has; define it there"
        )
    try:
        check(module)
    except AffuseError as error:
        raise AffuseError(f"{path} cannot be used: {error}") from error


def _line(error: BaseException, path: Path) -> str:
    """Return the line of a file that raised an error, as ``, line 3``, or ""."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f", line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    return f", line {lines[-1]}" if lines else ""
