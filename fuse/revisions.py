"""Identity of the code of designs and baselines, by which a run knows its own.

A design that comes with the project has a revision number. It is raised whenever the
same settings would give other models, so that moving or reformatting the file changes
nothing. Any other design, and a built-in one that was edited, is known by the digest of
its syntax tree and of the modules that it imports, without docstrings and comments;
left out are the standard library, installed packages and the rest of this project.
"""

import ast
import hashlib
import importlib.util
import json
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from data import plugins
from fuse import decisions

DESIGNS, BASELINES = "fuse.designs", "fuse.references"
ZEROSHOT = "zeroshot"  # lies in a helper module of the baselines
ROOT = Path(__file__).resolve().parents[1]
OWN = ("data", "extract", "fuse")  # packages of the project
IGNORED = ("ctx", "type_comment", "kind", "type_ignores")  # fields of syntax trees
DIGITS = 12
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Revision:
    """What is known of the code of a built-in design."""

    number: int  # to be raised when the same settings give other models
    code: str  # digest of the code of this revision, as `digest` gives it


BUILT_IN: Mapping[str, Revision] = {  # tests/test_revisions.py says when to change it
    "audio": Revision(1, "bb8a65d9f5e2"),
    "crossattention": Revision(1, "74dc2820ed94"),
    "early": Revision(1, "634229990794"),
    "experts": Revision(1, "9ea4616a6b5a"),
    "gated": Revision(1, "620298bf84d1"),
    "hybrid": Revision(1, "46a8fa7a39ba"),
    "late": Revision(1, "a2f3cd5439e6"),
    "lowrank": Revision(1, "7497b876094c"),
    "tensor": Revision(1, "b26f76f5d661"),
    "text": Revision(1, "95796b727095"),
    "pcaridge": Revision(1, "57e7fa83dac5"),
    "ridge": Revision(1, "0e32d65b9956"),
    "svr": Revision(1, "eb9c3afabbb1"),
    "zeroshot": Revision(1, "aa4b7f211017"),
}
DECISIONS = 1  # revision of fuse/decisions.py and fuse/voting.py


@lru_cache(maxsize=256)
def of(fusion: str) -> str:
    """Return the identity of the code of a design, a baseline or a decision.

    It is told once in a process, for code that is edited later is not imported again.

    Args:
        fusion: its name

    Returns:
        ``revision 2``, or ``code`` and twelve hexadecimal digits

    Raises:
        AffuseError: if there is no such design
    """
    if fusion in decisions.DECISIONS:
        bases = [f"{name} {of(name)}" for name in decisions.MODALITIES]
        return f"revision {DECISIONS} of {', '.join(bases)}"
    found = digest(fusion)
    known = BUILT_IN.get(fusion)
    return (
        f"revision {known.number}" if known and known.code == found else f"code {found}"
    )


def digest(fusion: str) -> str:
    """Return the digest of the code of a design or baseline: twelve hex digits.

    Args:
        fusion: name of a file or package in fuse/designs or fuse/references
    """
    found = hashlib.sha256()
    for name, path in sorted(_modules(_module(fusion)).items()):
        tree = ast.parse(path.read_bytes())
        found.update(json.dumps([name, _plain(tree)]).encode())
    return found.hexdigest()[:DIGITS]


def changed(recorded: str, fusion: str) -> str:
    """Say how recorded code differs from the code that is here; "" if it does not.

    Args:
        recorded: as `of` told it when a model was trained; "" if it was not recorded
        fusion: name of the design
    """
    if not recorded or recorded == (now := of(fusion)):
        return ""
    return (
        f"the code of the design '{fusion}' has changed since ({recorded} then, {now} "
        f"now)"
    )


def _module(fusion: str) -> str:
    """Return the name of the module of a design or baseline."""
    if fusion == ZEROSHOT:
        return f"{BASELINES}._{ZEROSHOT}"
    package = BASELINES if fusion in plugins.names(BASELINES) else DESIGNS
    plugins.load(package, fusion)  # refuses what there is not
    return f"{package}.{fusion}"


def _modules(first: str) -> dict[str, Path]:
    """Return the files of a module and of all that it imports, as far as they count."""
    found: dict[str, Path] = {}
    waiting = [first]
    while waiting:
        name = waiting.pop()
        path = _source(name)
        if name in found or path is None or not _counts(path):
            continue
        found[name] = path
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        waiting += _imported(ast.parse(path.read_bytes()), package)
    return found


def _imported(tree: ast.Module, package: str) -> Iterator[str]:
    """Yield names of modules that a syntax tree may import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            name = "." * node.level + (node.module or "")
            base = importlib.util.resolve_name(name, package) if node.level else name
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _source(name: str) -> Path | None:
    """Return the file of a module; None for one without, or if there is none."""
    try:
        module = sys.modules.get(name)
        spec = module.__spec__ if module else importlib.util.find_spec(name)
    except (ImportError, AttributeError, ValueError):  # no module, but a name in one
        return None
    origin = spec.origin if spec else None
    return Path(origin).resolve() if origin and origin.endswith(".py") else None


def _counts(path: Path) -> bool:
    """Return True for designs, what lies beside them, and code not installed."""
    near = [ROOT.joinpath(*package.split(".")) for package in (DESIGNS, BASELINES)]
    if any(path.is_relative_to(folder) for folder in near):
        return path not in [folder / "__init__.py" for folder in near]
    installed = {sysconfig.get_path(n) for n in ("stdlib", "purelib", "platlib")}
    ours = [ROOT / name for name in OWN]
    others = [*map(Path, installed), *ours, Path(sys.base_prefix) / "lib"]
    return not any(path.is_relative_to(folder.resolve()) for folder in others)


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
