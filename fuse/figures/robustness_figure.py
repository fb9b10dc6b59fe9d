"""Curves of the CCC of a run over the conditions of one degradation, with intervals."""

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
from affuse.fuse.plots.plot_style import DASHES, MARKERS
from affuse.fuse.robustness.condition_records import CLEAN, ConditionScore
from affuse.fuse.wording import figure as number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEIGHT = 2.6  # inches
LONGEST = 44  # characters of the title
NAME_LENGTH = 15  # characters of a condition below the horizontal axis
APART = 0.13  # distance of the ratings, relative to that of the conditions
COLUMNS = ("condition", "value", "unit", "rating", "ccc", "low", "high")


def robustness_figure(
    name: str, title: str, kind: str, scores: Sequence[ConditionScore]
) -> ReportFigure:
    """Return the CCC of each rating in a few conditions, with 95 % intervals.

    Args:
        name: of the files
        title: of the figure, such as the name of the run
        kind: kind of the ratings in words
        scores: the clean condition, then those of one degradation or of several
    """
    kinds = list(dict.fromkeys(each.facts.name for each in scores[1:]))
    what = kinds[0] if len(kinds) == 1 else "degradations"

    def draw(figure: "Figure") -> None:
        _draw(figure, title, scores)

    ends = (
        f"{each.facts.label} {number(each.mean.value)}, between "
        f"{number(each.mean.low)} and {number(each.mean.high)}"
        for each in scores
    )
    return ReportFigure(
        name=f"{name}-{file_word(what)}",
        title=f"{title}: {what}",
        description=(
            f"{title}. Mean test CCC over the ratings, and its 95 % interval, by "
            f"condition: {'; '.join(ends)}. The figure shows each rating."
        ),
        kind=kind,
        columns=COLUMNS,
        rows=[
            (f.text, "" if f.value is None else f.value, f.unit, rating, *bounds)
            for each in scores
            for f in (each.facts,)
            for rating, found in {**each.ratings, "mean": each.mean}.items()
            for bounds in ((found.value, found.low, found.high),)
        ],
        height=HEIGHT,
        draw=draw,
    )


def _draw(figure: "Figure", title: str, scores: Sequence[ConditionScore]) -> None:
    """Draw a line with intervals for each rating."""
    units = dict.fromkeys(each.facts.unit for each in scores[1:])
    unit = next(iter(units)) if len(units) == 1 else ""
    is_curve = len({each.facts.name for each in scores[1:]}) == 1 and bool(unit)
    axes = add_axes(figure, left=0.56, bottom=FOOT + (0.36 if is_curve else 0.72))
    axes.set_title(cut(title, LONGEST))
    _draw_ratings(axes, scores, is_curve)
    axes.set_xticks(range(len(scores)))
    if is_curve:
        values = (f"{each.facts.value:g}" for each in scores[1:])
        axes.set_xticklabels([CLEAN, *values])
        axes.set_xlabel(f"{scores[1].facts.name} in {unit}", labelpad=1)
    else:
        labels = (cut(each.facts.label, NAME_LENGTH) for each in scores)
        axes.set_xticklabels(list(labels), rotation=35, ha="right")
    axes.set_ylabel("test CCC", labelpad=1)
    # In the line of the foot, because no place within the axes is always free.
    figure.legend(
        loc="lower left",
        bbox_to_anchor=(0.0, 0.0),
        ncols=len(scores[0].ratings),
        borderpad=0.1,
        columnspacing=1.0,
        handlelength=1.8,
        handletextpad=0.4,
    )


def _draw_ratings(
    axes: "Axes", scores: Sequence[ConditionScore], is_curve: bool
) -> None:
    """Draw the points of each rating beside each other, joined if they are a curve."""
    ratings = list(scores[0].ratings)
    for k, rating in enumerate(ratings):
        found = [each.ratings[rating] for each in scores]
        places = [x + APART * (k - (len(ratings) - 1) / 2) for x in range(len(scores))]
        axes.errorbar(
            places,
            [each.value for each in found],
            yerr=[
                [max(each.value - each.low, 0.0) for each in found],
                [max(each.high - each.value, 0.0) for each in found],
            ],
            color=LINES[k % len(LINES)],
            linestyle=DASHES[k % len(DASHES)] if is_curve else "none",
            marker=MARKERS[k % len(MARKERS)],
            markersize=2.5,
            elinewidth=0.6,
            label=rating,
        )
