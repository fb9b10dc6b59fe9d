"""Series of predicted segments for a plot: by recording, channel and speaker."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from affuse.data.scale_columns import Scale
from affuse.data.terminal import printable
from affuse.extract.inference.predicted_segments import PredictedSegment

LONG = 600.0  # seconds above which a time axis is in minutes
UNKNOWN = "speaker not known"  # name of the other segments if there are speakers
SLACK = 0.05  # seconds between two segments that still count as adjacent


@dataclass(frozen=True)
class PlottedPoint:
    """Prediction of one rating for one segment, on the scale of the plot."""

    start: float  # seconds
    end: float
    value: float  # calibrated if the model is, else the mean over the models
    low: float  # bounds of the interval, or the value less and plus the deviation
    high: float

    @property
    def middle(self) -> float:
        """Middle of the segment in seconds."""
        return (self.start + self.end) / 2


@dataclass(frozen=True)
class PlottedSeries:
    """Segments of one recording, channel and speaker, sorted by their beginning."""

    name: str
    segments: tuple[PredictedSegment, ...]  # that were predicted

    @property
    def is_timed(self) -> bool:
        """True if there are several segments, and all have a beginning and an end."""
        return len(self.segments) > 1 and all(map(_has_times, self.segments))

    def runs(self, rating: str, scale: Scale) -> Iterator[list[PlottedPoint]]:
        """Yield the points of adjacent or overlapping segments; gaps lie between them.

        Args:
            rating: name
            scale: of the plot
        """
        run: list[PlottedPoint] = []
        for segment in self.segments:
            if rating not in segment.ratings or not _has_times(segment):
                continue
            point = plotted_point(segment, rating, scale)
            if run and point.start > run[-1].end + SLACK:
                yield run
                run = []
            run.append(point)
        if run:
            yield run


def plotted_point(segment: PredictedSegment, rating: str, scale: Scale) -> PlottedPoint:
    """Return the prediction of a rating for a segment on a scale.

    Args:
        segment: that was predicted
        rating: name
        scale: lowest and highest rating
    """
    found = segment.ratings[rating]
    low, high = found.value - found.spread, found.value + found.spread
    value = found.value
    if found.calibrated is not None and found.interval is not None:
        value, (low, high) = found.calibrated, found.interval
    middle, half = sum(scale) / 2, (scale[1] - scale[0]) / 2
    scaled = (middle + half * x for x in (value, low, high))
    return PlottedPoint(segment.start or 0.0, segment.end or 0.0, *scaled)


def collect_series(segments: Iterable[PredictedSegment]) -> list[PlottedSeries]:
    """Return the series of all recordings, channels and speakers, as in the input.

    Args:
        segments: of any recordings; those that were not predicted are left out
    """
    groups: dict[tuple[str, int | None, str], list[PredictedSegment]] = {}
    for segment in segments:
        if not segment.reason:
            key = segment.file, segment.channel, segment.speaker
            groups.setdefault(key, []).append(segment)
    several_files = len({file for file, _, _ in groups}) > 1
    has_speakers = any(speaker for _, _, speaker in groups)
    return [
        PlottedSeries(
            _name(file, channel, speaker or UNKNOWN * has_speakers, several_files),
            tuple(sorted(group, key=lambda s: (s.start or 0.0, s.end or 0.0))),
        )
        for (file, channel, speaker), group in groups.items()
    ]


def time_unit(series: Iterable[PlottedSeries]) -> tuple[str, float]:
    """Return the unit of a time axis, and its length in seconds.

    Args:
        series: on the axis

    Examples:
        >>> time_unit([])
        ('seconds', 1.0)
    """
    ends = (segment.end or 0.0 for one in series for segment in one.segments)
    return ("minutes", 60.0) if max(ends, default=0.0) > LONG else ("seconds", 1.0)


def _name(file: str, channel: int | None, speaker: str, with_file: bool) -> str:
    """Return the name of a series in the legend."""
    words = [f"channel {channel}"] if channel is not None else []
    words += [printable(speaker)] if speaker else []
    name = [printable(file) or "text"] if with_file or not words else []
    return ", ".join([*name, *words])


def _has_times(segment: PredictedSegment) -> bool:
    """Return True if a segment has a beginning and an end."""
    return segment.start is not None and segment.end is not None
