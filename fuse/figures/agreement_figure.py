"""Predicted against rated values of one row and rating, with their residuals.

A point is one prediction of one seed. Many points are drawn as their density. The
CCC-optimal line is where the affine map of highest CCC would put no error. It is fitted
on the test data, so it is a diagnosis and no result.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from affuse.data.runs.run_predictions import Run
from affuse.fuse.figures.figure_colours import INK, LINES, MUTED
from affuse.fuse.figures.report_figure import (
    FOOT,
    ReportFigure,
    add_axes,
    cut,
    file_word,
)
from affuse.fuse.reporting.table_records import ReportTable, TableRow
from affuse.fuse.scoring.affine import AffineMap, concordant
from affuse.fuse.wording import figure as number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_POINTS = 300  # predictions, above which their density is drawn
BINS = 48  # of the density on each axis
RESIDUAL_BINS = 40
HEIGHT, RESIDUAL_HEIGHT = 4.4, 0.9  # inches
TICKS = 5  # largest number of intervals between ticks
LONGEST = 44  # characters of the name of a row
LEFT = 0.5  # inches, for labels such as -1.5
COLUMNS = ("id", "fold", "seed", "rated", "predicted")


def agreement_figures(
    table: ReportTable, place: int, row: TableRow, run: Run
) -> Iterator[ReportFigure]:
    """Yield the figure of each rating of one row.

    Args:
        table: of a report
        place: number of the row, from 1, which makes the name of the file unique
        row: of the table
        run: the predictions that the row scores
    """
    for k, target in enumerate(run.info.targets):
        name = f"predictions-{place}-{file_word(row.name)}-{target}"
        yield _figure(name, table, row, run, k)


def _figure(
    name: str, table: ReportTable, row: TableRow, run: Run, k: int
) -> ReportFigure:
    """Return the figure of the rating at index `k`."""
    p, target = run.predictions, run.info.targets[k]
    truth, predicted = p.truth[:, k], p.predicted[:, k]
    sentence = agreement_sentence(row, target)

    def draw(figure: "Figure") -> None:
        _draw_agreement(figure, row.name, target, truth, predicted)
        _draw_residuals(figure, predicted - truth)

    keys = (p.id.tolist(), p.fold.tolist(), p.seed.tolist())
    numbers = (truth.tolist(), predicted.tolist())
    return ReportFigure(
        name=name,
        title=sentence,
        description=(
            f"Predicted against rated {target} of {row.name}, {len(truth):,} "
            f"predictions, and the distribution of predicted minus rated: mean "
            f"{number(float(np.mean(predicted - truth)), sign=True)}, standard "
            f"deviation {number(float(np.std(predicted - truth)))}. {sentence}."
        ),
        kind=table.kind,
        columns=COLUMNS,
        rows=list(zip(*keys, *numbers, strict=True)),
        height=HEIGHT,
        draw=draw,
    )


def agreement_sentence(row: TableRow, target: str) -> str:
    """Return the CCC of a rating and its factors, as the table prints them.

    Args:
        row: of a table
        target: name of the rating
    """
    estimate = row.sections["all"]
    words = f"{target}: CCC {number(estimate.ratings[target].value)}"
    part = estimate.parts.get(target)
    if part is None:
        return words
    return (
        f"{words} = r {number(part.correlation, digits=2)} x Cb "
        f"{number(part.bias, digits=2)}; scale v {number(part.scale, digits=2)}, "
        f"location u {number(part.location, digits=2, sign=True)}"
    )


def _draw_agreement(
    figure: "Figure", name: str, target: str, truth: np.ndarray, predicted: np.ndarray
) -> None:
    """Draw the points or their density, the identity and the CCC-optimal line."""
    bottom = FOOT + RESIDUAL_HEIGHT + 0.75
    axes = add_axes(figure, left=LEFT, bottom=bottom)
    axes.set_title(cut(name, LONGEST))
    limits = _limits(truth, predicted)
    if len(truth) <= MOST_POINTS:
        axes.plot(truth, predicted, "o", color=LINES[0], alpha=0.45, ms=2.5, mew=0)
    else:
        _draw_density(axes, truth, predicted, limits)
    axes.plot(limits, limits, color=INK, linewidth=0.8, label="identity")
    best = concordant(truth, predicted)
    ends = [_predicted_at(best, end) for end in limits]
    if best.slope > 0:
        label = "CCC-optimal (fitted on these data)"
        axes.plot(limits, ends, "--", color=LINES[1], label=label)
    axes.set_xlim(*limits)
    axes.set_ylim(*limits)
    axes.locator_params(nbins=TICKS)  # more labels would leave no room for the names
    axes.set_xlabel(f"rated {target}", labelpad=1)
    axes.set_ylabel(f"predicted {target}", labelpad=1)
    axes.legend(loc="upper left", borderpad=0, handlelength=1.6)


def _predicted_at(best: AffineMap, rated: float) -> float:
    """Return the prediction that an affine map would turn into a rating."""
    return (rated - best.offset) / best.slope if best.slope > 0 else rated


def _draw_density(
    axes: "Axes", truth: np.ndarray, predicted: np.ndarray, limits: tuple[float, float]
) -> None:
    """Draw the density of points as the opacity of one colour.

    The image has no background, so it is legible on a dark page too.
    """
    from matplotlib.colors import to_rgb

    counts, _, _ = np.histogram2d(predicted, truth, bins=BINS, range=[limits, limits])
    image: Any = np.empty((BINS, BINS, 4))
    image[..., :3] = to_rgb(LINES[0])
    image[..., 3] = np.sqrt(counts / counts.max())
    axes.imshow(
        image,
        origin="lower",
        extent=(*limits, *limits),
        aspect="auto",
        interpolation="nearest",
    )


def _draw_residuals(figure: "Figure", residuals: np.ndarray) -> None:
    """Draw the histogram of predicted minus rated values."""
    axes = add_axes(figure, left=LEFT, bottom=FOOT + 0.32, height=RESIDUAL_HEIGHT)
    axes.hist(residuals, bins=RESIDUAL_BINS, color=LINES[0], histtype="stepfilled")
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.axvline(float(residuals.mean()), color=LINES[1], linestyle="--")
    axes.set_xlabel("predicted - rated (dashed: mean)", labelpad=1)
    axes.set_ylabel("number", labelpad=1)
    axes.spines["bottom"].set_color(MUTED)
    axes.locator_params(axis="y", nbins=3)


def _limits(truth: np.ndarray, predicted: np.ndarray) -> tuple[float, float]:
    """Return the ends of both axes: the scale, or the range of the data beyond it.

    A few predictions far outside the scale do not shrink the figure: they are outside
    it, and the data of the figure have them.
    """
    low, high = np.quantile(predicted, [0.002, 0.998])
    low = min(float(low), float(truth.min()), -1.0)
    high = max(float(high), float(truth.max()), 1.0)
    return max(low, -2.5), min(high, 2.5)
