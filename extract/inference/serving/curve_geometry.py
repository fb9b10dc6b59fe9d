"""Geometry of the curves on the page: lines, bands and segments in percent of a panel.

Percents let the browser stretch a panel to the width of the screen. Texts keep their
size.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from affuse.data.scale_columns import Scale
from affuse.extract.inference.plot_series import (
    PlottedPoint,
    PlottedSeries,
    plotted_point,
)
from affuse.extract.inference.predicted_segments import PredictedSegment

DIGITS = 3  # decimals of a percentage


@dataclass(frozen=True)
class CurvePanel:
    """Panel of one rating over time."""

    lines: tuple[str, ...]  # points of a polyline, as SVG writes them
    bands: tuple[str, ...]  # points of a polygon


@dataclass(frozen=True)
class SegmentArea:
    """Part of the time axis in which the cursor selects a segment."""

    left: float  # percent of the width
    width: float


@dataclass(frozen=True)
class PlanePoint:
    """Segment in the plane of valence and arousal, in percent from its lower left."""

    x: float
    y: float
    left: float  # ends of the interval of valence
    right: float
    bottom: float  # ends of the interval of arousal
    top: float


def curve_panel(series: PlottedSeries, rating: str, scale: Scale) -> CurvePanel:
    """Return the lines and bands of one rating.

    Args:
        series: with times
        rating: name
        scale: from the bottom to the top of the panel
    """
    lines, bands = [], []
    seconds = duration(series.segments)
    for run in series.runs(rating, scale):
        points = [run[0], *run, run[-1]]
        times = [run[0].start, *(point.middle for point in run), run[-1].end]
        across = [100 * time / seconds for time in times]
        lines.append(_points(across, [_down(p.value, scale) for p in points]))
        lows = [_down(p.low, scale) for p in points]
        highs = [_down(p.high, scale) for p in points]
        bands.append(_points([*across, *across[::-1]], [*lows, *highs[::-1]]))
    return CurvePanel(tuple(lines), tuple(bands))


def segment_areas(segments: Sequence[PredictedSegment]) -> list[SegmentArea]:
    """Return the area of each segment: where its middle is the nearest one.

    Areas do not overlap, even if segments do, and do not reach beyond their segment.

    Args:
        segments: with times, sorted by their middle
    """
    total = duration(segments)
    middles = [(_start(s) + _end(s)) / 2 for s in segments]
    edges = [(a + b) / 2 for a, b in zip(middles, middles[1:], strict=False)]
    lefts, rights = [0.0, *edges], [*edges, total]
    areas = []
    for segment, left, right in zip(segments, lefts, rights, strict=True):
        begin, end = max(left, _start(segment)), min(right, _end(segment))
        width = max(0.0, end - begin)
        areas.append(SegmentArea(_percent(begin / total), _percent(width / total)))
    return areas


def plane_point(segment: PredictedSegment, scale: Scale) -> PlanePoint:
    """Return the place of a segment in the plane, with its intervals.

    Args:
        segment: that was predicted
        scale: of both axes
    """
    valence, arousal = (
        plotted_point(segment, rating, scale) for rating in ("valence", "arousal")
    )
    left, x, right = _up(valence, scale)
    bottom, y, top = _up(arousal, scale)
    return PlanePoint(x, y, left, right, bottom, top)


def time_ticks(seconds: float) -> Iterator[tuple[float, str]]:
    """Yield place in percent and text of the marks of a time axis.

    Args:
        seconds: length of the axis

    Examples:
        >>> list(time_ticks(30))
        [(0.0, '0:00'), (33.333, '0:10'), (66.667, '0:20'), (100.0, '0:30')]
    """
    steps = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200)
    step = next((s for s in steps if seconds / s <= 5), steps[-1])
    for k in range(int(seconds // step) + 1):
        minutes, rest = divmod(k * step, 60)
        yield _percent(k * step / seconds), f"{minutes}:{rest:02d}"


def duration(segments: Sequence[PredictedSegment]) -> float:
    """Return the end of the last segment in seconds; at least a small number.

    Args:
        segments: with times
    """
    return max((_end(each) for each in segments), default=0.0) or 1e-3


def _start(segment: PredictedSegment) -> float:
    return segment.start or 0.0


def _end(segment: PredictedSegment) -> float:
    return segment.end or 0.0


def _share(value: float, scale: Scale) -> float:
    """Return the place of a value on its scale from 0 to 1; others are at the ends."""
    return min(1.0, max(0.0, (value - scale[0]) / (scale[1] - scale[0])))


def _percent(share: float) -> float:
    return round(100 * share, DIGITS)


def _down(value: float, scale: Scale) -> float:
    """Return the distance of a value from the top of a panel in percent."""
    return _percent(1 - _share(value, scale))


def _up(point: PlottedPoint, scale: Scale) -> tuple[float, float, float]:
    """Return low, value and high of a point in percent of the scale."""
    low, value, high = (
        _percent(_share(x, scale)) for x in (point.low, point.value, point.high)
    )
    return low, value, high


def _points(across: Sequence[float], down: Sequence[float]) -> str:
    """Return points as the attribute ``points`` of SVG."""
    return " ".join(
        f"{round(x, DIGITS):g},{y:g}" for x, y in zip(across, down, strict=True)
    )
