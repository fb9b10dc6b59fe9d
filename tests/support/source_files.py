"""Source files, shared by several test files."""

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
    """A file of ours, parsed once for all tests."""
    return ast.parse((ROOT / file).read_text(encoding="utf-8"))
