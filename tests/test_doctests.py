"""Examples in docstrings: each is run, in the module that it explains."""

import doctest
import importlib
from pathlib import Path

import pytest
from locations import ROOT

MARK = ">>> "


def modules():
    """Names of the modules that have examples, from their texts."""
    for layer in ("data", "extract", "fuse"):
        for path in sorted((ROOT / layer).rglob("*.py")):
            if MARK in path.read_text(encoding="utf-8"):
                names = ["affuse", *path.relative_to(ROOT).with_suffix("").parts]
                yield ".".join(names[:-1] if names[-1] == "__init__" else names)


@pytest.mark.parametrize("name", list(modules()))
def test_examples_say_what_is_so(name):
    module = importlib.import_module(name)
    assert Path(module.__file__).is_relative_to(ROOT)
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0
