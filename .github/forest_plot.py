"""Draw the figure of the README from the CSV of `affuse report`, as SVG.

Usage, after `make demo`:

    affuse report --corpus demo --format csv --output demo.csv
    python .github/forest_plot.py demo.csv .github/demo.svg
"""

import csv
import math
import sys
import textwrap
from html import escape
from pathlib import Path

PANELS = ("valence", "arousal", "dominance", "mean")
COLOURS = {"valence": "#1b6ca8", "arousal": "#b8471b", "dominance": "#3b7d3b"}
LEFT, WIDTH, GAP, TOP, STEP = 150, 142, 38, 74, 26  # pixels
MARGIN, FOOT, LINE = 12, 32, 18  # pixels: beside texts, below the axis, of a footnote
LETTER = 6.8  # pixels of a letter on average, in a wide typeface such as DejaVu Sans
GRID = 0.25  # CCC between two vertical lines


def main(table: Path, picture: Path) -> None:
    """Read the rows of the section `all` and write the picture.

    Raises:
        SystemExit: if the table has no such row
    """
    with table.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["section"] == "all"]
    if not rows:
        sys.exit(f"{table} has no row of the section 'all'; train something first")
    picture.write_text(draw(rows), encoding="utf-8")


def draw(rows: list[dict[str, str]]) -> str:
    """Return an SVG with one line per design and one panel per rating."""
    width = LEFT + len(PANELS) * (WIDTH + GAP)
    bottom = TOP + STEP * len(rows)
    corpus, nature = rows[0]["corpus"], rows[0]["nature"]
    title = f"CCC on the corpus {corpus} ({nature} data), {rows[0]['utterances']}"
    letters = int((width - 2 * MARGIN) / LETTER)
    notes = [_note(rows[0]), f"Encoders: {rows[0]['encoders']}"]
    lines = [line for note in notes for line in textwrap.wrap(note, letters)]
    height = bottom + FOOT + LINE * len(lines)
    # The background makes the picture readable on dark pages too.
    marks = [
        f'<rect width="{width}" height="{height}" fill="white"/>',
        _text(MARGIN, 24, f"{title} utterances", size=16, weight="bold"),
    ]
    for number, line in enumerate(lines):
        y = bottom + FOOT + 8 + LINE * number
        marks.append(_text(MARGIN, y, line, fill="#555"))
    for number, name in enumerate(PANELS):
        left = LEFT + number * (WIDTH + GAP)
        marks += _panel(left, name, rows, _ticks(rows), bottom)
    for number, row in enumerate(rows):
        label = row["design"] + (f" ({row['detail']})" if row["detail"] else "")
        marks.append(_text(LEFT - 14, TOP + STEP * number + 17, label, anchor="end"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        f' width="{width}" height="{height}"'
        ' font-family="Helvetica, Arial, sans-serif" role="img">\n'
        f"<title>{escape(title)} utterances</title>\n" + "\n".join(marks) + "\n</svg>\n"
    )


def _note(row: dict[str, str]) -> str:
    return (
        f"Points: mean over {row['folds']} folds and all seeds. Lines: 95 % intervals "
        f"over {row['clusters']} {row['resampled']}s and seeds."
    )


def _ticks(rows: list[dict[str, str]]) -> list[float]:
    """Return the grid of an axis from 0, or below, to beyond the highest bound."""
    low = min(0.0, *(float(row[f"{name}_low"]) for row in rows for name in PANELS))
    high = max(float(row[f"{name}_high"]) for row in rows for name in PANELS)
    return [
        GRID * step
        for step in range(math.floor(low / GRID), math.ceil(high / GRID) + 1)
    ]


def _panel(
    left: int,
    name: str,
    rows: list[dict[str, str]],
    ticks: list[float],
    bottom: int,
) -> list[str]:
    """Return axis, points and intervals of one rating."""

    def place(value: float) -> float:
        share = (value - ticks[0]) / (ticks[-1] - ticks[0])
        return round(left + WIDTH * share, 1)

    marks = [_text(left + WIDTH // 2, TOP - 18, name, 14, "bold", "middle")]
    for tick in ticks:
        x = place(tick)
        marks += [
            f'<path d="M{x} {TOP - 6}V{bottom}" stroke="#ddd"/>',
            _text(x, bottom + 16, f"{tick:g}", anchor="middle", fill="#555"),
        ]
    colour = COLOURS.get(name, "#333")
    for number, row in enumerate(rows):
        y = TOP + STEP * number + 13
        low, value, high = (
            place(float(row[name + end])) for end in ("_low", "", "_high")
        )
        marks += [
            f'<path d="M{low} {y}H{high}" stroke="{colour}" stroke-width="2"/>',
            f'<circle cx="{value}" cy="{y}" r="4.5" fill="{colour}"/>',
        ]
    return marks


def _text(
    x: float,
    y: float,
    text: str,
    size: int = 13,
    weight: str = "normal",
    anchor: str = "start",
    fill: str = "#111",
) -> str:
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}"'
        f' text-anchor="{anchor}" fill="{fill}">{escape(text)}</text>'
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
