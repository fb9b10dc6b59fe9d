"""Matrix of the differences in mean CCC between all pairs of rows."""

from typing import TYPE_CHECKING

from affuse.fuse.figures.figure_colours import INK, LINES, MUTED
from affuse.fuse.figures.report_figure import (
    FOOT,
    WIDTH,
    ReportFigure,
    add_axes,
    cut,
)
from affuse.fuse.reporting.table_records import Pair, ReportTable
from affuse.fuse.wording import count
from affuse.fuse.wording import figure as number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_NUMBERS = 8  # rows, above which the cells show marks only
LONGEST = 16  # characters of a name
WIDEST_LABEL = 0.65  # size of a number below a column, per width of the column
STRONGEST = 0.55  # opacity of the largest difference; text on it stays legible
COLUMNS = ("row", "minus", "difference", "low", "high", "p", "p_holm", "verdict")


def difference_figure(table: ReportTable) -> ReportFigure | None:
    """Return the matrix of paired differences; None if no pair was compared.

    Args:
        table: of a report with all pairs
    """
    compared = [pair for pair in table.pairs if pair.versus]
    names = [row.name for row in table.rows if row.is_compared]
    if not compared:
        return None

    def draw(figure: "Figure") -> None:
        _draw(figure, names, compared)

    told_apart = sum(bool(pair.versus and pair.versus.mark) for pair in compared)
    return ReportFigure(
        name="differences",
        title="Differences in mean CCC, row minus column",
        description=(
            f"Matrix of the differences in mean CCC of {count(len(compared), 'pair')}; "
            f"{told_apart} of them are significant. The table above has the same "
            f"figures."
        ),
        kind=table.kind,
        columns=COLUMNS,
        rows=[_cells(pair) for pair in compared],
        height=WIDTH + FOOT - 0.55,
        draw=draw,
    )


def _cells(pair: Pair) -> tuple[object, ...]:
    """Return the data of a pair."""
    versus = pair.versus
    assert versus is not None
    found = versus.difference
    figures = (found.value, found.low, found.high, versus.p, versus.adjusted)
    return (pair.a, pair.b, *figures, versus.verdict)


def _draw(figure: "Figure", names: list[str], pairs: list[Pair]) -> None:
    """Draw a square for each pair: blue if the row is better, orange if it is worse."""
    from matplotlib import rcParams
    from matplotlib.patches import Rectangle

    axes = add_axes(figure, left=1.15, bottom=FOOT + 0.2)
    axes.set_title("mean CCC, row - column")
    axes.grid(visible=False)
    found = {}
    for pair in pairs:
        if pair.versus:
            value, is_sure = pair.versus.difference.value, bool(pair.versus.mark)
            found[names.index(pair.a), names.index(pair.b)] = (value, is_sure)
            found[names.index(pair.b), names.index(pair.a)] = (-value, is_sure)
    largest = max(abs(value) for value, _ in found.values()) or 1.0
    for (y, x), (value, is_sure) in found.items():
        colour, strength = LINES[0 if value > 0 else 1], abs(value) / largest
        square = Rectangle(
            (x - 0.5, y - 0.5), 1, 1, color=colour, alpha=STRONGEST * strength, lw=0
        )
        axes.add_patch(square)
        mark = "*" if is_sure else ""
        words = number(value, digits=2, sign=True) if len(names) <= MOST_NUMBERS else ""
        axes.text(x, y, words + mark, ha="center", va="center", size=6, color=INK)
    axes.plot([-0.5, len(names) - 0.5], [-0.5, len(names) - 0.5], color=MUTED, lw=0.4)
    places = range(len(names))
    side = axes.get_window_extent().width * 72 / figure.dpi / len(names)  # points
    size = min(rcParams["font.size"], WIDEST_LABEL * side)
    axes.set_xticks(places, [str(k + 1) for k in places], size=size)
    labels = [f"{k} {cut(name, LONGEST)}" for k, name in enumerate(names, 1)]
    axes.set_yticks(places, labels, size=min(rcParams["font.size"], 0.9 * side))
    axes.tick_params(length=0)
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.set_ylim(len(names) - 0.5, -0.5)
