"""Division of recordings into segments that are predicted one by one.

The header of each file is read here, in other processes. Samples are decoded only to
find speech, and in media containers, whose length shows only then.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from affuse.extract.audio import decoder_pool, decoding, header_bounds
from affuse.extract.caching.recording_headers import unusable_reason
from affuse.extract.inference.predicted_segments import PredictedSegment
from affuse.extract.inference.recording_search import Found
from affuse.extract.inference.segment_building import build_segment, segmented_channels
from affuse.extract.inference.segment_plan import SegmentPlan
from affuse.extract.inference.segments import Recording, Segment, TimedText
from affuse.extract.inference.speech_segmentation import speech_segments
from affuse.extract.transcription.speech_models import SpeechDetector

AHEAD = 4  # files that are probed ahead of the current one, for each thread
UNDIVIDED_TEXT = (
    "the text is of the whole recording, so it is one segment; state the start and the "
    "end of each text in the table of transcripts, to divide it"
)


def segments(
    recordings: Iterable[Found],
    plan: SegmentPlan,
    *,
    threads: int,
    detector: SpeechDetector | None = None,
) -> Iterator[Segment | PredictedSegment]:
    """Yield the segments of recordings and texts, in the order of their inputs.

    A recording whose texts have spans is divided into these spans. A text of the whole
    recording cannot be divided among windows. By default such a recording is one
    segment, with a note; if `plan` states a window, it is refused.

    Args:
        recordings: with their texts; results without a prediction are passed on
        plan: rules for the division
        threads: number of files that are probed at the same time
        detector: finds the segments in recordings without texts; None for windows

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
        elif detector is not None and not item.texts:
            yield from speech_segments(item, probe, plan.channels, detector)
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
    channels = segmented_channels(probe, plan.channels)
    if len(channels) > 1 and item.texts:
        notes += (f"the text is used for each of the {probe.channels} channels",)
    for channel in channels:
        for each in texts:
            yield build_segment(item, probe, each, channel, notes)


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
