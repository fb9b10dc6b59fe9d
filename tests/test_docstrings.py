"""Docstrings of functions begin with a verb; those of classes are no fragments.

ruff checks the arguments (D417), and the mood of first words that it knows as verbs
(D401). It accepts a docstring that begins with a noun, so verbs are listed here.
"""

import ast

import pytest
from source_files import FILES, tree

REFUSED = {  # first words of fragments
    "All", "As", "By", "Each", "From", "How", "In", "Of", "So", "That", "Those", "What",
    "When", "Where", "Whether", "Which", "Who", "Whose", "With",
}  # fmt: skip
VERBS = """
    Accept Add Advance Answer Append Apply Ask Assign Build Calibrate Check Choose
    Claim Clear Close Collect Combine Compare Compile Compute Convert Copy Count
    Create Damage Declare Decode Delete Describe Detect Discard Distil Divide Draw
    Encode End Estimate Evaluate Examine Execute Extend Extract Fetch Fill Find
    Fine-tune Fit Format Freeze Generate Go Hold Ignore Import Initialise Insert
    Interpolate Join Keep Kill Leave Let Limit List Load Lock Log Look Make Mark
    Measure Merge Move Normalise Open Pack Parse Predict Prepare Print Publish Put
    Raise Read Rebuild Recognise Reduce Refuse Register Release Remove Rename Render
    Repair Replace Reserve Reset Resolve Restore Resume Return Run Save Search See Seed
    Select Send Serve Set Show Shuffle Silence Skip Sort Standardise Start Stop Store
    Summarise Suppress Switch Sync Take Tokenise Train Transform Update Upload Use
    Validate Verify Wait Warn Wrap Write Yield
""".split()  # imperatives that functions begin with; add a verb that is missing
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


def first_word(node):
    """Return the first word of a docstring without punctuation; "" if it has none."""
    words = (ast.get_docstring(node) or "").split()
    return words[0].strip(",.:") if words else ""


def is_property(function):
    """Return True for a property, which is named and described as a value."""
    names = {getattr(d, "attr", getattr(d, "id", "")) for d in function.decorator_list}
    return not names.isdisjoint({"property", "cached_property", "setter"})


def fragments(module):
    """Return line and first word of each docstring with an unsuitable beginning.

    Args:
        module: syntax tree
    """
    refused = []
    for node in ast.walk(module):
        if not isinstance(node, ast.Module | ast.ClassDef | FUNCTIONS):
            continue
        if not (word := first_word(node)):
            continue
        is_action = isinstance(node, FUNCTIONS) and not is_property(node)
        if word not in VERBS if is_action else word in REFUSED:
            refused.append((getattr(node, "lineno", 1), word))
    return refused


def test_no_docstring_begins_with_a_fragment():
    assert len(FILES) > 400
    assert {file: found for file in FILES if (found := fragments(tree(file)))} == {}


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
        ('def f():\n    """Speakers of the test."""', "Speakers"),
        ('def f():\n    """Returns the name."""', "Returns"),
        ('async def f():\n    """Each sentence."""', "Each"),
        ("def f():\n    pass", None),
    ],
)
def test_fragments_are_told_from_sentences(source, word):
    assert [refused for _, refused in fragments(ast.parse(source))] == [word] * (
        word is not None
    )
