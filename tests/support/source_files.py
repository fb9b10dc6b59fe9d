"""Source files of the package, with their syntax trees."""

import ast
from functools import cache

from locations import ROOT

LAYERS = ("data", "extract", "fuse")


FILES = ["__init__.py", "cli.py"] + sorted(
    str(path.relative_to(ROOT))
    for layer in LAYERS
    for path in (ROOT / layer).rglob("*.py")
)


@cache
def tree(file):
    """Return the syntax tree of a source file, which is parsed only once."""
    return ast.parse((ROOT / file).read_text(encoding="utf-8"))
