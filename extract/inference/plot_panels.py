"""Panels of a plot of predictions: each rating over time, and the plane of two ratings.

matplotlib is an extra, so it is imported in functions only.
"""

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from affuse.data.rating_scales import DIRECTIONS
from affuse.data.scale_columns import Scale
from affuse.extract.inference.plot_series import (
    PlottedPoint,
    PlottedSeries,
    plotted_point,
    time_unit,
)
from affuse.extract.inference.recording_names import RecordingNames
from affuse.fuse.plots.plot_style import COLOURS, DASHES, MARKERS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

MOST_LINES = len(COLOURS)  # recordings and channels that are told apart
FEW_POINTS = 60  # of a line, which then has a marker for each
MANY_POINTS = 200  # of the plane, above which points are smaller
TIME_COLOURS = "viridis"  # from dark blue to yellow, also for colour-blind readers
TITLE = 11  # font size of the title
LONGEST = 34  # characters of a name in the legend
MARGIN = 0.03  # of the scale, beyond its ends


def draw_trajectories(
    figure: "Figure | SubFigure",
    ratings: Sequence[str],
    scale: Scale,
    series: Sequence[PlottedSeries],
) -> None:
    """Draw one panel for each rating over time, with a line for each series.

    Args:
        figure: part of the figure for these panels
        ratings: names, from the top
        scale: of the ratings
        series: at most `MOST_LINES`
    """
    name, unit = time_unit(series)
    panels = figure.subplots(len(ratings), 1, sharex=True, squeeze=False)[:, 0]
    for axes, rating in zip(panels, ratings, strict=True):
        drawn = list[PlottedPoint]()
        for k, one in enumerate(series):
            runs = [*one.runs(rating, scale)]
            _draw_line(axes, one, k, runs, unit)
            drawn += (point for run in runs for point in run)
        ends = (bound for point in drawn for bound in (point.low, point.high))
        axes.set_ylim(*_limits(scale, ends))
        _label_scale(axes.yaxis, rating, scale)
        axes.set_ylabel(rating)
        axes.grid(color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
    panels[-1].set_xlabel(f"time in {name}")
    figure.align_ylabels(panels)


def draw_plane(
    figure: "Figure | SubFigure", scale: Scale, series: Sequence[PlottedSeries]
) -> None:
    """Draw a point for each segment in the valence-arousal plane.

    The colour is the time for a single series, and else the series. More than
    `MOST_LINES` series have one colour.

    Args:
        figure: part of the figure for this panel
        scale: of the ratings
        series: of any number
    """
    axes = figure.subplots()
    _prepare_plane(axes, scale, series)
    if len(series) == 1 and series[0].is_timed:
        _draw_timed_points(figure, axes, scale, series[0])
        return
    told_apart = len(series) <= MOST_LINES
    few = sum(len(one.segments) for one in series) <= MANY_POINTS
    for k, one in enumerate(series):
        place = k if told_apart else 0
        axes.scatter(
            *_coordinates(one, scale),
            s=26 if few else 12,
            alpha=0.75 if few else 0.4,
            color=COLOURS[place],
            marker=MARKERS[place],
            linewidths=0,
            zorder=3,
        )


def _draw_line(
    axes: "Axes",
    series: PlottedSeries,
    place: int,
    runs: Sequence[Sequence[PlottedPoint]],
    unit: float,
) -> None:
    """Draw the values of one series with their bands, and nothing in gaps.

    Each line begins and ends with its first and last segment. In between, a value
    stands at the middle of its segment.
    """
    colour = COLOURS[place]
    few = len(series.segments) <= FEW_POINTS
    for run in runs:
        points = [run[0], *run, run[-1]]
        seconds = [run[0].start, *(point.middle for point in run), run[-1].end]
        times = [time / unit for time in seconds]
        bounds = [p.low for p in points], [p.high for p in points]
        axes.fill_between(times, *bounds, color=colour, alpha=0.18, linewidth=0)
        values = [point.value for point in points]
        axes.plot(times, values, color=colour, linestyle=DASHES[place], linewidth=1.4)
        if few:
            marks = times[1:-1], values[1:-1]
            axes.plot(*marks, MARKERS[place], color=colour, markersize=3)


def _prepare_plane(axes: "Axes", scale: Scale, series: Sequence[PlottedSeries]) -> None:
    """Set limits, labels and the lines through the middle of the scale."""
    middle = sum(scale) / 2
    axes.axhline(middle, color="#999999", linewidth=0.8, zorder=1)
    axes.axvline(middle, color="#999999", linewidth=0.8, zorder=1)
    places = [_coordinates(one, scale) for one in series]
    axes.set_xlim(*_limits(scale, (x for valence, _ in places for x in valence)))
    axes.set_ylim(*_limits(scale, (y for _, arousal in places for y in arousal)))
    axes.set_box_aspect(1)
    _label_scale(axes.xaxis, "valence", scale)
    _label_scale(axes.yaxis, "arousal", scale)
    axes.set_xlabel("valence")
    axes.set_ylabel("arousal")
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)


def _draw_timed_points(
    figure: "Figure | SubFigure", axes: "Axes", scale: Scale, series: PlottedSeries
) -> None:
    """Draw the points of one series, joined in their order and coloured by time."""
    runs = (series.runs(rating, scale) for rating in ("valence", "arousal"))
    for pair in zip(*runs, strict=False):
        valence, arousal = ([point.value for point in run] for run in pair)
        axes.plot(valence, arousal, color="#999999", linewidth=0.6, alpha=0.6)
    name, unit = time_unit([series])
    times = [((s.start or 0.0) + (s.end or 0.0)) / 2 / unit for s in series.segments]
    few = len(times) <= MANY_POINTS
    points = axes.scatter(
        *_coordinates(series, scale),
        c=times,
        cmap=TIME_COLOURS,
        s=28 if few else 10,
        edgecolors="#333333" if few else "none",
        linewidths=0.4,
        zorder=3,
    )
    bar = figure.colorbar(points, ax=axes, shrink=0.6, pad=0.06)
    bar.set_label(f"time in {name}")
    bar.outline.set_visible(False)


def _coordinates(
    series: PlottedSeries, scale: Scale
) -> tuple[list[float], list[float]]:
    """Return the valence and the arousal of each segment on a scale."""
    valence, arousal = (
        [plotted_point(s, rating, scale).value for s in series.segments]
        for rating in ("valence", "arousal")
    )
    return valence, arousal


def _limits(scale: Scale, values: Iterable[float]) -> tuple[float, float]:
    """Return the ends of an axis, slightly beyond those of the scale and all values.

    Predictions are not clipped, so they may lie outside the scale.
    """
    margin = MARGIN * (scale[1] - scale[0])
    known = [*scale, *filter(math.isfinite, values)]
    return min(known) - margin, max(known) + margin


def _label_scale(axis: Any, rating: str, scale: Scale) -> None:
    """Write the ends of the scale with their directions, and its middle."""
    low, high = scale
    lowest, highest = DIRECTIONS[rating]
    horizontal = axis.axis_name == "x"
    gap = "\n" if horizontal else " "
    middle = f"{(low + high) / 2:g}"
    labels = (f"{low:g}{gap}{lowest}", middle, f"{high:g}{gap}{highest}")
    axis.set_ticks([low, (low + high) / 2, high], labels)


def draw_legend(figure: "Figure", title: str, series: Sequence[PlottedSeries]) -> None:
    """Draw a title, and the names of the series with their lines and markers.

    They stand above all panels.

    Args:
        figure: the whole figure
        title: of the figure
        series: at most `MOST_LINES`
    """
    from matplotlib.lines import Line2D

    names = RecordingNames(LONGEST)
    lines = [
        Line2D(
            [],
            [],
            color=COLOURS[k],
            linestyle=DASHES[k],
            marker=MARKERS[k],
            markersize=4,
            label=names.fit(one.name),
        )
        for k, one in enumerate(series)
    ]
    figure.legend(
        handles=lines,
        loc="outside upper center",
        ncols=3,
        frameon=False,
        handlelength=3.5,
        title=title,
        title_fontsize=TITLE,
    )
