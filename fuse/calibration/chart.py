"""SVG chart of figures over the share of utterances kept, for any browser."""

from collections.abc import Iterator, Mapping, Sequence

from affuse.fuse.plots.plot_style import COLOURS
from affuse.fuse.reporting.escapes import for_html

Series = Mapping[str, Sequence[tuple[float, float]]]  # name -> (kept, value)

DASHES = ("", "7 3", "2 3")  # line styles, which remain in black and white
WIDTH, HEIGHT = 340, 260  # pixels of a panel
LEFT, RIGHT, TOP, BOTTOM = 52, 84, 34, 44  # margins of a panel, in pixels
SHARES = (1.0, 0.8, 0.6, 0.4, 0.2)  # ticks of the horizontal axis
STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # steps between grid lines
LINES = 6  # largest number of grid lines
ROW = 14  # least distance between labels, in pixels


def draw(title: str, panels: Mapping[str, Series]) -> str:
    """Return an SVG document with panels side by side, one line per series.

    Args:
        title: shown above the panels and read by screen readers
        panels: label of the vertical axis -> lines; points that are NaN are left out
    """
    width = WIDTH * len(panels)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT + 24}" '
        f'role="img" font-family="sans-serif" font-size="12" fill="#222">',
        f"<title>{for_html(title)}</title>",
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{LEFT}" y="18" font-weight="bold">{for_html(title)}</text>',
    ]
    for place, (name, series) in enumerate(panels.items()):
        parts.append(f'<g transform="translate({place * WIDTH} 24)">')
        parts += _panel(name, series)
        parts.append("</g>")
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(name: str, series: Series) -> Iterator[str]:
    """Yield the axes, the grid, and the lines of a panel with labels at their ends."""
    defined = {n: [(x, y) for x, y in line if y == y] for n, line in series.items()}
    ticks = _ticks([y for line in defined.values() for _, y in line])
    yield f'<text x="{LEFT}" y="{TOP - 10}">{for_html(name)}</text>'
    for tick in ticks:
        y = _y(tick, ticks)
        yield f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
        place = f'x="{LEFT - 6}" y="{y + 4:.1f}"'
        yield f'<text {place} text-anchor="end">{tick:.2f}</text>'
    floor = HEIGHT - BOTTOM
    for share in SHARES:
        yield (
            f'<text x="{_x(share):.1f}" y="{floor + 16}" text-anchor="middle">'
            f"{share:.0%}</text>"
        )
    yield f'<text x="{LEFT}" y="{floor + 34}">share of utterances kept</text>'
    lines = {label: line for label, line in defined.items() if line}
    heights = _separate_labels([_y(line[-1][1], ticks) for line in lines.values()])
    for k, (label, line) in enumerate(lines.items()):
        points = " ".join(f"{_x(x):.1f},{_y(y, ticks):.1f}" for x, y in line)
        colour = COLOURS[k % len(DASHES)]
        yield (
            f'<polyline points="{points}" fill="none" stroke="{colour}" '
            f'stroke-width="2" stroke-dasharray="{DASHES[k % len(DASHES)]}"/>'
        )
        place = f'x="{_x(line[-1][0]) + 5:.1f}" y="{heights[k] + 4:.1f}"'
        yield f'<text {place} fill="{colour}">{for_html(label)}</text>'


def _separate_labels(heights: Sequence[float]) -> list[float]:
    """Return the heights of labels in pixels, moved down where they would overlap."""
    moved, last = dict.fromkeys(range(len(heights)), 0.0), float(-ROW)
    for k in sorted(moved, key=lambda k: heights[k]):
        moved[k] = last = max(heights[k], last + ROW)
    return list(moved.values())


def _ticks(values: Sequence[float]) -> list[float]:
    """Return at least two round numbers that enclose all values, lowest first."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    step = next((s for s in STEPS if (high - low) / s <= LINES - 2), STEPS[-1])
    first, last = int(low // step), int(high // step) + 1
    return [k * step for k in range(first, last + 1)]


def _x(share: float) -> float:
    """Return the horizontal position in pixels; all utterances kept are at the left."""
    return LEFT + (1 - share) * (WIDTH - LEFT - RIGHT)


def _y(value: float, ticks: Sequence[float]) -> float:
    """Return the vertical position of a value in pixels."""
    part = (value - ticks[0]) / (ticks[-1] - ticks[0])
    return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)
