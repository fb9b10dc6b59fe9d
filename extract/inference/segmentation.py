"""Division of recordings into segments that are predicted one by one.

The header of each file is read here, in other processes. No samples are decoded, except
in media containers, whose length shows only then.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal, get_args

from affuse.data.errors import OptionError
from affuse.extract.audio import decoder_pool, decoding, header_bounds
from affuse.extract.caching.recording_headers import unusable_reason
from affuse.extract.inference.predicted_segments import PredictedSegment
from affuse.extract.inference.recording_search import Found
from affuse.extract.inference.segments import Recording, Segment, Span, TimedText

WINDOW = 8.0  # seconds of a window by default
UNDIVIDED = 20.0  # seconds of the longest file that is one segment by default
SHORTEST = 0.1  # seconds of the shortest window and hop
AHEAD = 4  # files that are probed ahead of the current one, for each thread
DIGITS = 6  # decimals of the seconds of a span
ROUNDING = 1e-9  # share of a hop that is a rounding error, and needs no window
UNDIVIDED_TEXT = (
    "the text is of the whole recording, so it is one segment; state the start and the "
    "end of each text in the table of transcripts, to divide it"
)
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


def segments(
    recordings: Iterable[Found], plan: SegmentPlan, *, threads: int
) -> Iterator[Segment | PredictedSegment]:
    """Yield the segments of recordings and texts, in the order of their inputs.

    A recording whose texts have spans is divided into these spans. A text of the whole
    recording cannot be divided among windows. By default such a recording is one
    segment, with a note; if `plan` states a window, it is refused.

    Args:
        recordings: with their texts; results without a prediction are passed on
        plan: rules for the division
        threads: number of files that are probed at the same time

    Yields:
        segments, with a note if the division is not as usual; and results without a
        prediction, with the reason, for what cannot be used

    Raises:
        OSError: if the decoder cannot be started
    """
    for item, probe in _probed(recordings, threads):
        if isinstance(item, PredictedSegment):
            yield item
        elif item.path is None:
            yield _text_segment(item)
        elif isinstance(probe, str):
            yield PredictedSegment(item.file, reason=probe)
        else:
            yield from _divide(item, probe, plan)


def _probed(
    recordings: Iterable[Found], threads: int
) -> Iterator[tuple[Found, decoding.Probe | str]]:
    """Yield each input with its probe, while threads probe the next few files."""
    pending: deque[tuple[Found, Future[decoding.Probe | str]]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for item in recordings:
            pending.append((item, pool.submit(_probe, item)))
            if len(pending) > AHEAD * threads:
                first, future = pending.popleft()
                yield first, future.result()
        while pending:
            first, future = pending.popleft()
            yield first, future.result()
    finally:
        pool.shutdown(cancel_futures=True)  # the caller may stop early


def _probe(item: Found) -> decoding.Probe | str:
    """Return the properties of a file, or the reason why it cannot be used."""
    if isinstance(item, PredictedSegment) or item.path is None:
        return ""
    try:
        return decoder_pool.probe(item.path)
    except decoding.Unusable as error:
        return str(error)


def _text_segment(item: Recording) -> Segment | PredictedSegment:
    """Return the segment of a text without a recording."""
    text = item.texts[0].text if item.texts else None
    if text is None:
        return PredictedSegment(item.file, reason="has neither a recording nor a text")
    return Segment(item.file, text=text)


def _divide(
    item: Recording, probe: decoding.Probe, plan: SegmentPlan
) -> Iterator[Segment | PredictedSegment]:
    """Yield the segments of a recording, one channel after the other."""
    texts: Iterable[TimedText] = item.texts
    text = item.texts[0].text if item.texts else None
    notes: tuple[str, ...] = ()
    if all(each.span is None for each in item.texts):
        if reason := _file_reason(probe, text, plan):
            yield PredictedSegment(item.file, text=text, reason=reason)
            return
        if text and plan.divides(probe.seconds):
            plan, notes = replace(plan, window=0.0, hop=None), (UNDIVIDED_TEXT,)
        texts = [TimedText(text, span) for span in plan.spans(probe.seconds)]
    is_separate = plan.channels == "separate" and probe.channels > 1
    if is_separate and item.texts:
        notes += (f"the text is used for each of the {probe.channels} channels",)
    for channel in range(1, probe.channels + 1) if is_separate else (None,):
        for each in texts:
            yield _segment(item, probe, each, channel, notes)


def _file_reason(probe: decoding.Probe, text: str | None, plan: SegmentPlan) -> str:
    """Return the reason why no segment of a file can be used; "" if there is none."""
    if plan.divides(probe.seconds) and text and plan.window:
        return (
            f"has one text for {probe.seconds:.2f} s, which cannot be divided among "
            f"windows; state the start and the end of each text in the table of "
            f"transcripts, or give --window 0"
        )
    is_one = bool(text) or not plan.divides(probe.seconds)
    if is_one and probe.seconds > header_bounds.LONGEST:
        remedy = "state the start and the end of each text" if text else "give --window"
        return (
            f"lasts {probe.seconds:.0f} s, and a segment at most "
            f"{header_bounds.LONGEST:g} s; {remedy}"
        )
    return unusable_reason(probe, None, longest=math.inf)


def _segment(
    item: Recording,
    probe: decoding.Probe,
    part: TimedText,
    channel: int | None,
    notes: tuple[str, ...],
) -> Segment | PredictedSegment:
    """Return one segment of a recording, or the reason why it cannot be used."""
    start, end = part.span or (0.0, None)
    if reason := unusable_reason(probe, part.span, channel=channel):
        begin = None if part.span is None else start
        return PredictedSegment(
            item.file, begin, end, part.text, channel=channel, reason=reason
        )
    until = probe.seconds if end is None else min(end, probe.seconds)
    return Segment(
        item.file,
        item.path,
        span=part.span,
        text=part.text,
        channel=channel,
        digest=probe.digest,
        seconds=until - start,
        notes=notes,
    )
