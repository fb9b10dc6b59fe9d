"""Digests of the code of plug-ins: their syntax trees, and those of what they import.

Docstrings, comments and layout do not count. Left out are the standard library and
installed packages, but for the package that offers the plug-in itself. Of a built-in
plug-in only its own folder counts, of any other one all modules of this project that it
imports.
"""

import ast
import hashlib
import importlib.util
import json
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from affuse.data.plugins import PluginSource

ROOT = Path(__file__).resolve().parents[2]
OWN = ("affuse.data", "affuse.extract", "affuse.fuse")  # packages of the project
IGNORED = ("ctx", "type_comment", "kind", "type_ignores")  # fields of syntax trees
INSTALLED = frozenset({"site-packages", "dist-packages"})  # folders of packages
DIGITS = 12
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Revision:
    """What is known of the code of a built-in plug-in."""

    number: int  # to be raised when the code gives other results
    code: str  # digest of the code of this revision, as `digest` gives it


def identity(
    module: str, near: Sequence[str], known: Revision | None, *, short: bool = False
) -> str:
    """Return ``revision 2`` of a built-in plug-in, else ``code`` and its digest.

    Args:
        module: full name of the plug-in
        near: as of `digest`
        known: of the built-in plug-in of that name; one that was edited is none
        short: True to return "" for the first revision
    """
    if known is not None and known.code == digest(module, near):
        return "" if short and known.number == 1 else f"revision {known.number}"
    return f"code {digest(module, near, deep=True)}"


def outside_identity(source: PluginSource, near: Sequence[str]) -> str:
    """Return the identity of the code of a plug-in from outside this project.

    Its own top-level package counts, although it is installed. The version of the
    package is left out, so that a new version with the same code is the same plug-in.

    Returns:
        ``code``, twelve hexadecimal digits, ``of`` and the name of the package, if it
        is of one; ``version 1.2 of`` and that name where there is no source to read
    """
    home = source.module.partition(".")[0]
    label = f" of {source.package}" if source.package else ""
    if _source(source.module, home) is None:
        return f"version {source.version or 'unknown'}{label}"
    return f"code {digest(source.module, near, deep=True, home=home)}{label}"


def digest(
    module: str, near: Sequence[str], *, deep: bool = False, home: str = ""
) -> str:
    """Return the digest of the code of a plug-in: twelve hexadecimal digits.

    Args:
        module: its full name
        near: packages of plug-ins, whose other modules count if they are imported, and
            single modules that count likewise
        deep: True if all modules of this project count, for one that is not built in
        home: top-level package that counts although it is installed
    """
    names = (*near, *OWN) if deep else near
    folders = [_folder(package) for package in names]
    found = hashlib.sha256()
    for name, path in sorted(_modules(module, folders, home).items()):
        tree = ast.parse(path.read_bytes())
        found.update(json.dumps([name, _plain(tree)]).encode())
    return found.hexdigest()[:DIGITS]


def _folder(package: str) -> Path:
    """Return the folder of a package of this project; ROOT is `affuse` itself."""
    return ROOT.joinpath(*package.split(".")[1:])


def _modules(first: str, near: Sequence[Path], home: str) -> dict[str, Path]:
    """Return the files of a module and of all that it imports, as far as they count."""
    found: dict[str, Path] = {}
    waiting = [first]
    while waiting:
        name = waiting.pop()
        path = _source(name, home)
        if name in found or path is None or not _counts(path, near):
            continue
        found[name] = path
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        waiting += _imported(ast.parse(path.read_bytes()), package, home)
    return found


def _imported(tree: ast.Module, package: str, home: str) -> Iterator[str]:
    """Yield names of modules that a syntax tree may import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (package or not node.level):
            name = "." * node.level + (node.module or "")
            base = importlib.util.resolve_name(name, package) if node.level else name
            yield base
            path = _source(base, home)
            if path is None or path.name == "__init__.py":  # else they are names
                yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call):
            yield from _called(node)


def _called(node: ast.Call) -> Iterator[str]:
    """Yield the module that a call of ``import_module`` names, if it is a constant."""
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    first = node.args[0] if node.args else None
    if name in ("import_module", "__import__") and isinstance(first, ast.Constant):
        yield str(first.value)


def _source(name: str, home: str) -> Path | None:
    """Return the file of a module; None for one without, or if it is installed.

    Modules of the top-level package `home` have one although they are installed.
    """
    at_home = name.partition(".")[0] == home
    if not at_home and _is_foreign(name.partition(".")[0]):
        return None  # to look for its modules would import it
    try:
        module = sys.modules.get(name)
        spec = module.__spec__ if module else importlib.util.find_spec(name)
    except (ImportError, AttributeError, ValueError):  # no module, but a name in one
        return None
    origin = spec.origin if spec else None
    path = Path(origin).resolve() if origin and origin.endswith(".py") else None
    if path is None or (_is_installed(path) and not at_home):
        return None
    return path


def _counts(path: Path, near: Sequence[Path]) -> bool:
    """Return True for modules beside a plug-in, and for code that nobody installed."""
    if path.with_suffix("") in near:
        return True
    if any(path.is_relative_to(folder) for folder in near):
        return path not in [folder / "__init__.py" for folder in near]
    return not any(path.is_relative_to(_folder(name)) for name in OWN)


@lru_cache(maxsize=256)
def _is_foreign(package: str) -> bool:
    """Return True for a package that is installed, built in, or not there."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return True
    if spec is None or spec.origin in ("built-in", "frozen"):
        return True
    places = [*(spec.submodule_search_locations or ()), spec.origin]
    return any(_is_installed(Path(place).resolve()) for place in places if place)


def _is_installed(path: Path) -> bool:
    """Return True for the standard library and installed packages, but for this one.

    An environment may also take packages from the ``site-packages`` of another one.
    """
    here = path in (ROOT, ROOT / "__init__.py")  # which may be installed itself
    if here or any(path.is_relative_to(_folder(name)) for name in OWN):
        return False
    places = {sysconfig.get_path(n) for n in ("stdlib", "purelib", "platlib")}
    folders = [*map(Path, places), Path(sys.base_prefix) / "lib"]
    return not INSTALLED.isdisjoint(path.parts) or any(
        path.is_relative_to(folder.resolve()) for folder in folders
    )


def _plain(node: object) -> object:
    """Return a syntax tree as lists and texts, without docstrings and places.

    Fields that are empty are left out, for newer Pythons have more of them.
    """
    if isinstance(node, ast.AST):
        kept = [(n, v) for n, v in ast.iter_fields(node) if n not in IGNORED]
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False):
            kept = [(n, v[1:] if n == "body" else v) for n, v in kept]
        if isinstance(node, ast.JoinedStr):
            return ["JoinedStr", *_pieces(node)]
        fields = [[n, _plain(v)] for n, v in kept if v is not None and v != []]
        return [type(node).__name__, *fields]
    if isinstance(node, list):
        return [_plain(item) for item in node]
    return f"{type(node).__name__} {node!r}"


def _pieces(text: ast.JoinedStr) -> list[object]:
    """Return the pieces of an f-string; Pythons differ in where they cut its text."""
    found: list[object] = []
    for is_text, group in groupby(text.values, lambda v: isinstance(v, ast.Constant)):
        pieces = list(group)
        if is_text and any(p.value for p in pieces):  # type: ignore[attr-defined]
            found.append("".join(str(p.value) for p in pieces))  # type: ignore[attr-defined]
        elif not is_text:
            found += map(_plain, pieces)
    return found
