"""Small line plots with one line for each rating: rejection curves, layer weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from affuse.fuse.figures.figure_colours import LINES
from affuse.fuse.figures.report_figure import FOOT, ReportFigure, add_axes, cut
from affuse.fuse.plots.plot_style import DASHES, MARKERS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEIGHT = 2.3  # inches
LONGEST = 44  # characters of the title
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class LineAxes:
    """Labels of the two axes, and whether the horizontal axis falls."""

    x: str
    y: str
    is_falling: bool = False  # True to begin with the largest value


def line_figure(
    name: str,
    title: str,
    kind: str,
    axes: LineAxes,
    lines: Mapping[str, Points],
) -> ReportFigure:
    """Return a plot of a few lines.

    Args:
        name: of the files
        title: of the figure
        kind: kind of the ratings in words
        axes: labels
        lines: name of a line -> its points, at least one
    """

    def draw(figure: "Figure") -> None:
        _draw(figure, title, axes, lines)

    ends = (
        f"{label} from {points[0][1]:.3f} to {points[-1][1]:.3f}"
        for label, points in lines.items()
    )
    return ReportFigure(
        name=name,
        title=title,
        description=f"{title}. {axes.y} by {axes.x}: {'; '.join(ends)}.",
        kind=kind,
        columns=("line", "x", "y"),
        rows=[(label, x, y) for label, points in lines.items() for x, y in points],
        height=HEIGHT,
        draw=draw,
    )


def _draw(
    figure: "Figure", title: str, labels: LineAxes, lines: Mapping[str, Points]
) -> None:
    """Draw each line with its colour, its dashes and its marker."""
    axes = add_axes(figure, left=0.56, bottom=FOOT + 0.32)
    axes.set_title(cut(title, LONGEST))
    for k, (label, points) in enumerate(lines.items()):
        place = k % len(LINES)
        axes.plot(
            [x for x, _ in points],
            [y for _, y in points],
            color=LINES[place],
            linestyle=DASHES[place],
            marker=MARKERS[place],
            markersize=2.5,
            label=label,
        )
    axes.set_xlabel(labels.x, labelpad=1)
    axes.set_ylabel(labels.y, labelpad=1)
    if labels.is_falling:
        axes.invert_xaxis()
    places = {x for points in lines.values() for x, _ in points}
    if all(x == int(x) for x in places):
        axes.set_xticks(sorted(places))
    axes.legend(loc="best", borderpad=0, handlelength=1.8)
