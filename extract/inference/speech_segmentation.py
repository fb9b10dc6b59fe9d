"""Division of recordings into segments with speech, by voice activity detection."""

import math
from collections.abc import Iterator
from pathlib import Path

from affuse.extract.audio import decoder_pool, decoding, header_bounds
from affuse.extract.caching.recording_headers import unusable_reason
from affuse.extract.inference.predicted_segments import PredictedSegment
from affuse.extract.inference.segment_building import (
    build_segment,
    segmented_channels,
)
from affuse.extract.inference.segment_plan import DIGITS, Channels
from affuse.extract.inference.segments import Recording, Segment, Span, TimedText
from affuse.extract.transcription.speech_models import SpeechDetector

BLOCK = 600.0  # seconds that are decoded at a time; their samples take 38 MB
EDGE = 1.0  # seconds at the end of a block in which speech may go on
NO_SPEECH = "no speech was found in it; leave out --segment speech to predict all of it"


def speech_segments(
    item: Recording,
    probe: decoding.Probe,
    channels: Channels,
    detector: SpeechDetector,
) -> Iterator[Segment | PredictedSegment]:
    """Yield the segments of a recording in which somebody speaks.

    Args:
        item: recording without texts
        probe: its header
        channels: rule for recordings with several channels
        detector: finds the speech

    Yields:
        segments; or for a channel that cannot be used, or has no speech, a result
        without a prediction, with the reason
    """
    assert item.path is not None  # a text alone has no probe
    for channel in segmented_channels(probe, channels):
        reason = unusable_reason(probe, None, channel=channel, longest=math.inf)
        spans = list[Span]()
        if not reason:
            try:
                spans = find_speech(item.path, probe.seconds, channel, detector)
            except decoding.Unusable as error:
                reason = str(error)
        if not spans:
            reason = reason or NO_SPEECH
            yield PredictedSegment(item.file, channel=channel, reason=reason)
        for span in spans:
            yield build_segment(item, probe, TimedText(None, span), channel)


def find_speech(
    path: Path, seconds: float, channel: int | None, detector: SpeechDetector
) -> list[Span]:
    """Return the spans of a recording in which somebody speaks, in order.

    The recording is decoded in blocks, so its length is not limited by the memory.
    Speech at the end of a block is searched again in the next one.

    Args:
        path: of the recording
        seconds: its duration
        channel: counted from 1; None for the mean of all channels
        detector: finds the speech in samples

    Raises:
        Unusable: if the recording cannot be decoded
    """
    spans, begin = list[Span](), 0.0
    while begin < seconds:
        end = min(begin + BLOCK, seconds)
        wave = decoder_pool.load(
            path, (begin, end), longest=header_bounds.LONGEST, channel=channel
        )
        found = [
            (round(begin + start, DIGITS), round(min(begin + stop, end), DIGITS))
            for start, stop in detector.find_speech(wave.samples)
        ]
        begin = end
        if end < seconds and found and found[-1][1] > end - EDGE and len(found) > 1:
            begin = found.pop()[0]
        spans += found
    return spans
