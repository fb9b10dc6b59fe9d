"""One segment of a recording: its span, channel, text and speaker."""

from collections.abc import Sequence

from affuse.extract.audio import decoding
from affuse.extract.caching.recording_headers import unusable_reason
from affuse.extract.inference.predicted_segments import PredictedSegment
from affuse.extract.inference.segment_plan import Channels
from affuse.extract.inference.segments import (
    Recording,
    Segment,
    SpeakerTurn,
    TimedText,
)

SHARED = 0.25  # share of a segment from which another speaker is noted
SEVERAL = "another speaker talks in it too"


def segmented_channels(
    probe: decoding.Probe, channels: Channels
) -> Sequence[int | None]:
    """Return the channels that have a series of segments each; None for their mean.

    Args:
        probe: header of a recording
        channels: rule for recordings with several channels
    """
    is_separate = channels == "separate" and probe.channels > 1
    return range(1, probe.channels + 1) if is_separate else (None,)


def find_speaker(
    turns: Sequence[SpeakerTurn], start: float, end: float
) -> tuple[str, tuple[str, ...]]:
    """Return the speaker who talks longest in a span, and notes on other speakers.

    Args:
        turns: of all speakers of a recording
        start: of the span in seconds
        end: of the span in seconds

    Returns:
        name, "" if nobody talks; and a note if another speaker has a quarter of the
        span
    """
    seconds: dict[str, float] = {}
    for turn in turns:
        shared = min(turn.end, end) - max(turn.start, start)
        if shared > 0:
            seconds[turn.speaker] = seconds.get(turn.speaker, 0.0) + shared
    if not seconds:
        return "", ()
    first, *others = sorted(seconds, key=lambda name: (-seconds[name], name))
    is_mixed = bool(others) and seconds[others[0]] >= SHARED * (end - start)
    return first, (SEVERAL,) if is_mixed else ()


def build_segment(
    item: Recording,
    probe: decoding.Probe,
    part: TimedText,
    channel: int | None,
    notes: tuple[str, ...] = (),
) -> Segment | PredictedSegment:
    """Return one segment of a recording, or the reason why it cannot be used.

    Args:
        item: recording, with the turns of its speakers if they are known
        probe: its header
        part: span of the segment, and its text
        channel: counted from 1; None for the mean of all channels
        notes: on the choice of the segment
    """
    start, end = part.span or (0.0, None)
    if reason := unusable_reason(probe, part.span, channel=channel):
        begin = None if part.span is None else start
        return PredictedSegment(
            item.file, begin, end, part.text, channel=channel, reason=reason
        )
    until = probe.seconds if end is None else min(end, probe.seconds)
    speaker, remarks = find_speaker(item.turns, start, until)
    return Segment(
        item.file,
        item.path,
        span=part.span,
        text=part.text,
        channel=channel,
        digest=probe.digest,
        seconds=until - start,
        speaker=speaker,
        notes=(*notes, *remarks),
    )
