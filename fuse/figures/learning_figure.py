"""Learning curves of one run: the validation CCC of every fold and seed by epoch."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from affuse.fuse.figures.figure_colours import LINES
from affuse.fuse.figures.report_figure import (
    FOOT,
    ReportFigure,
    add_axes,
    cut,
    file_word,
)
from affuse.fuse.plots.plot_style import DASHES
from affuse.fuse.reporting.table_records import ReportTable, TableRow
from affuse.fuse.trained.training_history import LearningCurve
from affuse.fuse.wording import count
from affuse.fuse.wording import figure as number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEIGHT = 2.4  # inches
LONGEST = 44  # characters of the name of a row
MOST_NAMED = len(LINES)  # folds, above which the legend is left out
COLUMNS = ("fold", "seed", "epoch", "validation_ccc", "best")


def learning_figure(
    table: ReportTable, place: int, row: TableRow, curves: Sequence[LearningCurve]
) -> ReportFigure:
    """Return the learning curves of the run of a row.

    Args:
        table: of a report
        place: number of the row, from 1, which makes the name of the file unique
        row: of the table
        curves: at least one
    """
    best = [curve.epochs[curve.best] for curve in curves]
    scores = [curve.scores[curve.best] for curve in curves]

    def draw(figure: "Figure") -> None:
        _draw(figure, row.name, curves)

    return ReportFigure(
        name=f"learning-{place}-{file_word(row.name)}",
        title=f"Mean validation CCC by epoch: {row.name}",
        description=(
            f"Mean validation CCC of {row.name} after each epoch, one line for each of "
            f"{count(len(curves), 'model')}. A dot is the epoch of the best checkpoint:"
            f" between epoch {min(best)} and {max(best)}, with a validation CCC between"
            f" {number(min(scores))} and {number(max(scores))}."
        ),
        kind=table.kind,
        columns=COLUMNS,
        rows=[
            (c.fold, c.seed, epoch, score, int(k == c.best))
            for c in curves
            for k, (epoch, score) in enumerate(zip(c.epochs, c.scores, strict=True))
        ],
        height=HEIGHT,
        draw=draw,
    )


def _draw(figure: "Figure", name: str, curves: Sequence[LearningCurve]) -> None:
    """Draw a line for each model in the colour of its fold, and its best epoch."""
    from matplotlib.ticker import MaxNLocator

    axes = add_axes(figure, left=0.56, bottom=FOOT + 0.32)
    axes.set_title(cut(name, LONGEST))
    folds = list(dict.fromkeys(curve.fold for curve in curves))
    seen = set[str]()
    for curve in curves:
        place = folds.index(curve.fold) % len(LINES)
        label = "" if curve.fold in seen else f"fold {folds.index(curve.fold) + 1}"
        seen.add(curve.fold)
        axes.plot(
            curve.epochs,
            curve.scores,
            color=LINES[place],
            linestyle=DASHES[place],
            linewidth=0.8,
            label=label or "_",
        )
        best = curve.best
        axes.plot(curve.epochs[best], curve.scores[best], "o", color=LINES[place], ms=3)
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    axes.set_xlabel("epoch (dot: best checkpoint)", labelpad=1)
    axes.set_ylabel("mean validation CCC", labelpad=1)
    if 1 < len(folds) <= MOST_NAMED:
        axes.legend(loc="lower right", ncols=2, borderpad=0, handlelength=1.8)
