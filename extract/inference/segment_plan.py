"""Rules for the division of recordings into windows, one after the other."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from affuse.data.errors import OptionError
from affuse.extract.audio import header_bounds
from affuse.extract.inference.segments import Span

WINDOW = 8.0  # seconds of a window by default
UNDIVIDED = 20.0  # seconds of the longest file that is one segment by default
SHORTEST = 0.1  # seconds of the shortest window and hop
DIGITS = 6  # decimals of the seconds of a span
ROUNDING = 1e-9  # share of a hop that is a rounding error, and needs no window
Channels = Literal["mix", "separate"]


@dataclass(frozen=True, slots=True)
class SegmentPlan:
    """Rules for the division of recordings into segments.

    Windows begin every `hop` seconds. If the end of a recording would not be covered,
    one more window ends there, so all windows of a recording have the same length. A
    recording that is not longer than a window is one segment.
    """

    window: float | None = None  # seconds; 0: no division; None: WINDOW over UNDIVIDED
    hop: float | None = None  # seconds; None: half a window
    channels: Channels = "mix"  # "separate": one series of segments for each channel

    def __post_init__(self) -> None:
        window, hop = self.window, self.hop
        longest = header_bounds.LONGEST
        if window is not None and window and not SHORTEST <= window <= longest:
            raise OptionError(
                f"--window {window:g}: give a length from {SHORTEST:g} to {longest:g} "
                f"seconds, such as {WINDOW:g}, or 0 to leave recordings undivided"
            )
        if hop is not None and window == 0:
            raise OptionError(
                f"--hop {hop:g} has no effect with --window 0; leave one of them out"
            )
        if hop is not None and not SHORTEST <= hop <= self.length:
            raise OptionError(
                f"--hop {hop:g}: give from {SHORTEST:g} seconds to the length of a "
                f"window, {self.length:g} seconds; a longer one would leave gaps"
            )
        if self.channels not in get_args(Channels):
            raise OptionError(
                f"--channels {self.channels}: choose from "
                f"{', '.join(get_args(Channels))}"
            )

    @property
    def length(self) -> float:
        """Seconds of a window; WINDOW if no recording is divided."""
        return self.window or WINDOW

    def divides(self, seconds: float) -> bool:
        """Return True if a recording of this duration is divided into windows."""
        limit = UNDIVIDED if self.window is None else self.window or math.inf
        return seconds > limit

    def spans(self, seconds: float) -> Iterator[Span | None]:
        """Yield the spans of a recording's segments, None for all of it.

        Args:
            seconds: duration of the recording

        Examples:
            >>> list(SegmentPlan().spans(21.0))
            [(0.0, 8.0), (4.0, 12.0), (8.0, 16.0), (12.0, 20.0), (13.0, 21.0)]
            >>> list(SegmentPlan().spans(20.0)), list(SegmentPlan(8).spans(8.5))
            ([None], [(0.0, 8.0), (0.5, 8.5)])
        """
        if not self.divides(seconds):
            yield None
            return
        hop, last = self.hop or self.length / 2, seconds - self.length
        for number in range(1 + math.ceil(last / hop - ROUNDING)):
            start = min(number * hop, last)
            yield round(start, DIGITS), round(start + self.length, DIGITS)
