"""Colours have the contrast that WCAG 2.2 asks of text (4.5) and of figures (3)."""

import itertools

import pytest

from affuse.fuse.figures.difference_figure import STRONGEST
from affuse.fuse.figures.figure_colours import DARK, INK, LINES, MUTED, PAPER, contrast

TEXT, GRAPHICS = 4.5, 3.0  # WCAG 2.2, success criteria 1.4.3 and 1.4.11


def blend(colour, background, share):
    """Return a colour of some opacity on a background."""
    pairs = zip(
        *([int(c[k : k + 2], 16) for k in (1, 3, 5)] for c in (colour, background)),
        strict=True,
    )
    return "#" + "".join(f"{round(share * a + (1 - share) * b):02x}" for a, b in pairs)


def themes():
    """Yield a function from a colour to the colour of a theme."""
    return pytest.mark.parametrize(
        "shown", [lambda colour: colour, DARK.__getitem__], ids=["light", "dark"]
    )


@themes()
def test_text_has_the_contrast_of_level_aa(shown):
    for colour in (INK, MUTED, LINES[0]):  # links have the first colour of lines
        assert contrast(shown(colour), shown(PAPER)) >= TEXT


@themes()
def test_lines_have_the_contrast_of_graphics(shown):
    for colour in LINES:
        assert contrast(shown(colour), shown(PAPER)) >= GRAPHICS
    assert len({*map(shown, LINES)}) == len(LINES)


@themes()
def test_numbers_of_the_matrix_are_legible_on_its_colours(shown):
    for colour in LINES[:2]:
        square = blend(shown(colour), shown(PAPER), STRONGEST)
        assert contrast(shown(INK), square) >= TEXT


@themes()
def test_the_warning_is_legible_on_its_background(shown):
    background = blend(shown(LINES[1]), shown(PAPER), 0.08)
    assert contrast(shown(INK), background) >= TEXT


def test_contrast_is_symmetric():
    for one, other in itertools.combinations((INK, MUTED, PAPER, *LINES), 2):
        assert contrast(one, other) == contrast(other, one) >= 1
