"""Docstrings begin with a verb (functions) or with a noun (classes and modules).

ruff checks the imperative mood (D401) and the arguments (D417) where a docstring has
them; it lets pass what begins with a word that is no verb at all.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = (  # rewritten so far; to be extended until it is data, extract and fuse
    "data/corpora",
    "data/reading",
    "data/splits",
    "data/system",
    "data/tables",
    "extract/audio",
    "extract/bench",
    "extract/checkpoints",
    "extract/distil",
    "extract/mini",
    "extract/networks",
    "extract/parallel",
)
REFUSED = {  # for every docstring
    "All", "As", "By", "Each", "From", "How", "In", "Of", "So", "That", "Those", "What",
    "When", "Where", "Whether", "Which", "Who", "Whose", "With",
}  # fmt: skip
ARTICLES = {"A", "An", "One", "The"}  # a noun phrase may begin with them, a verb cannot
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef

FILES = sorted(
    str(path.relative_to(ROOT))
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*.py")
)


def first_word(node):
    """Return the first word of a docstring without punctuation; "" if it has none."""
    return (
        (ast.get_docstring(node) or " ").partition("\n")[0].split(" ")[0].strip(",.:")
    )


def is_property(function):
    """Return True for a property, which is named and described as a value."""
    names = {getattr(d, "attr", getattr(d, "id", "")) for d in function.decorator_list}
    return not names.isdisjoint({"property", "cached_property", "setter"})


def fragments(source):
    """Return line and first word of each docstring that begins with a fragment."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Module | ast.ClassDef | FUNCTIONS):
            continue
        word = first_word(node)
        is_verb = isinstance(node, FUNCTIONS) and not is_property(node)
        refused = REFUSED | ARTICLES if is_verb else REFUSED
        if word in refused or (is_verb and word and not word.isalpha()):
            found.append((getattr(node, "lineno", 1), word))
    return found


@pytest.mark.parametrize("file", FILES)
def test_no_docstring_begins_with_a_fragment(file):
    assert fragments((ROOT / file).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ('"""What a module holds."""', "What"),
        ('"""The layers of a model."""', None),
        ('class A:\n    """Of one table."""', "Of"),
        ('class A:\n    """A table."""', None),
        ('def f():\n    """The name of a file."""', "The"),
        ('def f():\n    """(n, dim) -> (n,)"""', "(n"),
        ('def f():\n    """Whether a file is there."""', "Whether"),
        ('def f():\n    """Return the name of a file."""', None),
        ('class A:\n    @property\n    def f(self):\n        """The name."""', None),
        ('class A:\n    @property\n    def f(self):\n        """Of a file."""', "Of"),
        ("def f():\n    pass", None),
    ],
)
def test_fragments_are_told_from_sentences(source, word):
    assert [found for _, found in fragments(source)] == [word] * (word is not None)
