"""Digests of the code of plug-ins, from the syntax trees of their modules.

Docstrings, comments and layout do not change a digest. The standard library and
installed packages are left out, except the package that offers the plug-in itself. For
a built-in plug-in, only imported modules of its folder are included; for others, all
imported modules of this project.
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
PROJECT_PACKAGES = (
    "affuse.data",
    "affuse.extract",
    "affuse.fuse",
)  # packages of the project
IGNORED = ("ctx", "type_comment", "kind", "type_ignores")  # fields of syntax trees
INSTALLED = frozenset({"site-packages", "dist-packages"})  # folders of packages
DIGITS = 12
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Revision:
    """Revision of the code of a built-in plug-in."""

    number: int  # raised whenever the code gives different results
    code: str  # digest of the code of this revision, as `digest` returns it


def identity(
    module: str, near: Sequence[str], revision: Revision | None, *, short: bool = False
) -> str:
    """Return ``revision 2`` for a built-in plug-in, else ``code`` and its digest.

    Args:
        module: full name of the plug-in
        near: as for `digest`
        revision: of the built-in plug-in of that name; it is ignored if the plug-in was
            edited
        short: True to return "" for the first revision
    """
    if revision is not None and revision.code == digest(module, near):
        return "" if short and revision.number == 1 else f"revision {revision.number}"
    return f"code {digest(module, near, deep=True)}"


def outside_identity(source: PluginSource, near: Sequence[str]) -> str:
    """Return the identity of the code of a plug-in from outside this project.

    The modules of its own top-level package are included, although the package is
    installed. The package's version is left out, so that a new version with the same
    code has the same identity.

    Args:
        source: module of the plug-in, and the package that offers it
        near: as for `digest`

    Returns:
        ``code`` and its digest, then ``of`` and the package's name if it has one;
        ``version 1.2 of`` and that name if there is no source file
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
        near: packages of plug-ins and single modules; their modules are included if
            they are imported
        deep: True to include all modules of this project, for a plug-in that is not
            built in
        home: top-level package that is included although it is installed; "" for none
    """
    names = (*near, *PROJECT_PACKAGES) if deep else near
    folders = [_folder(package) for package in names]
    hasher = hashlib.sha256()
    for name, path in sorted(_modules(module, folders, home).items()):
        tree = ast.parse(path.read_bytes())
        hasher.update(json.dumps([name, _plain(tree)]).encode())
    return hasher.hexdigest()[:DIGITS]


def _folder(package: str) -> Path:
    """Return the folder of a package of this project; ROOT is `affuse` itself."""
    return ROOT.joinpath(*package.split(".")[1:])


def _modules(first: str, near: Sequence[Path], home: str) -> dict[str, Path]:
    """Return the files of a module and of its imports that a digest includes."""
    files: dict[str, Path] = {}
    pending = [first]
    while pending:
        name = pending.pop()
        path = _source(name, home)
        if name in files or path is None or not _counts(path, near):
            continue
        files[name] = path
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        pending += _imported(ast.parse(path.read_bytes()), package, home)
    return files


def _imported(tree: ast.Module, package: str, home: str) -> Iterator[str]:
    """Yield the names of modules that a syntax tree may import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (package or not node.level):
            name = "." * node.level + (node.module or "")
            base = importlib.util.resolve_name(name, package) if node.level else name
            yield base
            path = _source(base, home)
            if path is None or path.name == "__init__.py":  # a module has no submodules
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
    """Return the file of a module, or None if it has none or is installed.

    Modules of the top-level package `home` have a file although they are installed.
    """
    at_home = name.partition(".")[0] == home
    if not at_home and _is_foreign(name.partition(".")[0]):
        return None  # finding a submodule would import the package
    try:
        module = sys.modules.get(name)
        spec = module.__spec__ if module else importlib.util.find_spec(name)
    except (ImportError, AttributeError, ValueError):  # a name in a module, no module
        return None
    origin = spec.origin if spec else None
    path = Path(origin).resolve() if origin and origin.endswith(".py") else None
    if path is None or (_is_installed(path) and not at_home):
        return None
    return path


def _counts(path: Path, near: Sequence[Path]) -> bool:
    """Return True for a module of `near`, or one of neither project nor packages."""
    if path.with_suffix("") in near:
        return True
    if any(path.is_relative_to(folder) for folder in near):
        return path not in [folder / "__init__.py" for folder in near]
    return not any(path.is_relative_to(_folder(name)) for name in PROJECT_PACKAGES)


@lru_cache(maxsize=256)
def _is_foreign(package: str) -> bool:
    """Return True for a package that is installed, built in, or missing."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return True
    if spec is None or spec.origin in ("built-in", "frozen"):
        return True
    places = [*(spec.submodule_search_locations or ()), spec.origin]
    return any(_is_installed(Path(place).resolve()) for place in places if place)


def _is_installed(path: Path) -> bool:
    """Return True for a file of the standard library or of another installed package.

    An environment may also use packages from the ``site-packages`` of another one.
    """
    here = path in (ROOT, ROOT / "__init__.py")  # this package may be installed itself
    if here or any(path.is_relative_to(_folder(name)) for name in PROJECT_PACKAGES):
        return False
    places = {sysconfig.get_path(n) for n in ("stdlib", "purelib", "platlib")}
    folders = [*map(Path, places), Path(sys.base_prefix) / "lib"]
    return not INSTALLED.isdisjoint(path.parts) or any(
        path.is_relative_to(folder.resolve()) for folder in folders
    )


def _plain(node: object) -> object:
    """Return a syntax tree as lists and strings, without docstrings and positions.

    Empty fields are left out, because newer versions of Python have more of them.
    """
    if isinstance(node, ast.AST):
        fields = [(n, v) for n, v in ast.iter_fields(node) if n not in IGNORED]
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False):
            fields = [(n, v[1:] if n == "body" else v) for n, v in fields]
        if isinstance(node, ast.JoinedStr):
            return ["JoinedStr", *_pieces(node)]
        pairs = [[n, _plain(v)] for n, v in fields if v is not None and v != []]
        return [type(node).__name__, *pairs]
    if isinstance(node, list):
        return [_plain(item) for item in node]
    return f"{type(node).__name__} {node!r}"


def _pieces(text: ast.JoinedStr) -> list[object]:
    """Return the pieces of an f-string, with adjacent texts joined.

    Versions of Python differ in where they divide these texts.
    """
    parts: list[object] = []
    for is_text, group in groupby(text.values, lambda v: isinstance(v, ast.Constant)):
        pieces = list(group)
        if is_text and any(p.value for p in pieces):  # type: ignore[attr-defined]
            parts.append("".join(str(p.value) for p in pieces))  # type: ignore[attr-defined]
        elif not is_text:
            parts += map(_plain, pieces)
    return parts
