"""Plug-ins from files that the user of this process named, by ``--design FILE.py``.

Such a file is code of the user's, and naming it in a command is what allows to run it.
A path that only stands in a folder of results is data, and is never run.
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

PREFIX = "affuse_file_"  # of the names of modules


@dataclass(frozen=True)
class PluginFile:
    """A file that was run, and the module that it defines."""

    path: Path  # absolute
    sha256: str  # of its bytes
    module: ModuleType


_FILES: dict[tuple[str, str], PluginFile] = {}  # by package of the kind, and name


def of(kind: PluginKind) -> Mapping[str, PluginFile]:
    """Return the files of one kind that were named in this process, by name."""
    return {
        name: file
        for (package, name), file in _FILES.items()
        if package == kind.package
    }


def add(kind: PluginKind, path: Path, check: Callable[[ModuleType], object]) -> None:
    """Run a file as a module; its stem is the plug-in's name.

    A file of the same name that was added before is replaced, if this one can be used.

    Args:
        kind: what the file defines
        path: of the file
        check: raises an `AffuseError` if the module cannot be used

    Raises:
        OptionError: if there is no such file
        AffuseError: if it raises an error, lacks what its kind must offer, or `check`
    """
    try:
        content = path.read_bytes()
    except (FileNotFoundError, IsADirectoryError) as error:
        raise OptionError(
            f"{path} is no file; name a Python file that defines "
            f"{', '.join(kind.offers)}"
        ) from error
    place, name = path.resolve(), f"{PREFIX}{path.stem}"
    module = module_from_spec(cast(ModuleSpec, spec_from_file_location(name, place)))
    before = sys.modules.get(name)
    sys.modules[name] = module  # its classes look for it there
    try:
        _run(content, module, place)
        _demand(kind, module, place, check)
    except BaseException:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
        raise
    file = PluginFile(place, hashlib.sha256(content).hexdigest(), module)
    _FILES[kind.package, path.stem] = file


def _run(content: bytes, module: ModuleType, path: Path) -> None:
    """Run the content of a file in a module.

    It is compiled from the bytes that were read, without a file of byte code, so that
    an edit within the same second counts too.
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
    """Return where in a file an error was raised, as ``, line 3``; "" if unknown."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f", line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    return f", line {lines[-1]}" if lines else ""
