"""Forest plots: the CCC of every row with its interval, one plot for each rating."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from affuse.fuse.figures.figure_colours import INK, LINES, MUTED, PAPER
from affuse.fuse.figures.report_figure import FOOT, ReportFigure, add_axes, cut
from affuse.fuse.reporting.table_records import ReportTable, bounds, is_known
from affuse.fuse.scoring.intervals import Interval
from affuse.fuse.wording import figure as number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROW = 0.27  # inches for the name of a row and its interval below it
LONGEST = 52  # characters of a name
LABEL_BACK = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.5}
COLUMNS = ("row", "ccc", "low", "high")


@dataclass(frozen=True)
class ForestRow:
    """Name and figure of one line of a forest plot."""

    name: str
    interval: Interval


def forest_figures(table: ReportTable) -> Iterator[ReportFigure]:
    """Yield a forest plot of all rows for each rating, and one for their mean.

    Args:
        table: of a report
    """
    scored = [(row, row.sections["all"]) for row in table.rows if "all" in row.sections]
    for key in (*table.targets, "mean"):
        intervals = [
            (row.name, e.mean if key == "mean" else e.ratings.get(key))
            for row, e in scored
        ]
        rows = [ForestRow(name, found) for name, found in intervals if found]
        if rows:
            title = "Mean CCC" if key == "mean" else f"CCC of {key}"
            yield forest(f"forest-{key}", title, table.kind, rows)


def forest(name: str, title: str, kind: str, rows: Sequence[ForestRow]) -> ReportFigure:
    """Return a forest plot.

    Args:
        name: of the files
        title: of the figure
        kind: kind of the ratings in words
        rows: from the top
    """

    def draw(figure: "Figure") -> None:
        _draw(figure, title, rows)

    words = (f"{r.name} {number(r.interval.value)} {_range(r)}".strip() for r in rows)
    return ReportFigure(
        name=name,
        title=title,
        description=f"{title}, with 95 % intervals: {'; '.join(words)}.",
        kind=kind,
        columns=COLUMNS,
        rows=[
            (r.name, r.interval.value, r.interval.low, r.interval.high) for r in rows
        ],
        height=ROW * len(rows) + FOOT + 0.7,
        draw=draw,
    )


def _range(row: ForestRow) -> str:
    """Return the bounds of a row in words, or ""."""
    return bounds(row.interval)


def _draw(figure: "Figure", title: str, rows: Sequence[ForestRow]) -> None:
    """Draw a name and an interval below it for each row."""
    axes = add_axes(figure, left=0.14, bottom=FOOT + 0.2)
    axes.set_title(title)
    for place, row in enumerate(rows):
        value = row.interval
        if is_known(value):
            axes.plot([value.low, value.high], [place] * 2, color=LINES[0])
        axes.plot([value.value], [place], "o", color=LINES[0], markersize=4)
        axes.text(
            0.0,
            place - 0.32,
            cut(row.name, LONGEST),
            transform=axes.get_yaxis_transform(),
            va="center",
            size=7,
            color=INK,
            bbox=LABEL_BACK,  # no line runs through a name
        )
    if any(row.interval.low < 0 or row.interval.value < 0 for row in rows):
        axes.axvline(0, color=MUTED, linewidth=0.6)
    axes.set_ylim(len(rows) - 0.5, -0.75)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
