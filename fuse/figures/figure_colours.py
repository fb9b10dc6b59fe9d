"""Colours of figures and of the page, in light and dark, and their contrast."""

from collections.abc import Mapping

from affuse.fuse.plots.plot_style import COLOURS

INK = "#222222"  # text and axes
MUTED = "#595959"  # text of less importance
GRID = "#dddddd"  # lines behind the data, without meaning
PAPER = "#ffffff"  # background
# The last colours of the shared palette are too pale for thin lines on white.
LINES = (*COLOURS[:3], "#a34f80", "#8a6100", "#5a5a9e")
DARK: Mapping[str, str] = {  # colour on white -> colour on a dark background
    INK: "#ececec",
    MUTED: "#b4b4b4",
    GRID: "#3a3f45",
    PAPER: "#15181c",
    **dict(
        zip(
            LINES,
            ("#5fb4f0", "#f28c3a", "#2fcf9f", "#e29ac4", "#d9ae3c", "#a9a9e8"),
            strict=True,
        )
    ),
}


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, from 1 to 21 (WCAG 2.2).

    Args:
        one: colour as ``#rrggbb``
        other: colour as ``#rrggbb``

    Examples:
        >>> contrast("#000000", "#ffffff")
        21.0
    """
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    """Return the relative luminance of a colour, from 0 to 1."""
    channels = (int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5))
    linear = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
