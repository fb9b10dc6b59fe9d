"""The examples in docstrings print what they show."""

import doctest
import importlib
from pathlib import Path

import pytest
from locations import ROOT

MARK = ">>> "


def modules():
    """Yield the names of the modules whose docstrings have examples."""
    for layer in ("data", "extract", "fuse"):
        for path in sorted((ROOT / layer).rglob("*.py")):
            if MARK in path.read_text(encoding="utf-8"):
                names = ["affuse", *path.relative_to(ROOT).with_suffix("").parts]
                yield ".".join(names[:-1] if names[-1] == "__init__" else names)


@pytest.mark.parametrize("name", list(modules()))
def test_examples_print_what_they_show(name):
    module = importlib.import_module(name)
    assert Path(module.__file__).is_relative_to(ROOT)
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0
