"""Recognition of the words in segments, before they are encoded."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from affuse.data.tables.cell_values import clean_transcript
from affuse.extract.audio import decoder_pool, decoding, header_bounds
from affuse.extract.inference.loaded_model import predicted
from affuse.extract.inference.predicted_segments import PredictedSegment
from affuse.extract.inference.segments import Segment
from affuse.extract.transcription.speech_models import SpeechRecogniser

NO_WORDS = "no words were recognised, so its text is empty"


def transcribe_segments(
    stream: Iterable[Segment | PredictedSegment], recogniser: SpeechRecogniser
) -> Iterator[Segment | PredictedSegment]:
    """Yield segments with their recognised texts, in the order of the stream.

    Args:
        stream: segments without texts; a `PredictedSegment` is passed on
        recogniser: of the words

    Yields:
        segments with a text, which is cleaned as in a corpus; or a result without a
        prediction, with the reason, if a segment cannot be decoded
    """
    for item in stream:
        if isinstance(item, PredictedSegment) or item.path is None:
            yield item
        else:
            yield _transcribed(item, recogniser)


def _transcribed(
    segment: Segment, recogniser: SpeechRecogniser
) -> Segment | PredictedSegment:
    """Return a segment with its text, or the reason why it cannot be decoded."""
    assert segment.path is not None  # the caller passes recordings only
    try:
        wave = decoder_pool.load(
            segment.path,
            segment.span,
            longest=header_bounds.LONGEST,
            channel=segment.channel,
        )
    except decoding.Unusable as error:
        return predicted(segment, segment.notes, reason=str(error), ratings={})
    text = clean_transcript(recogniser.transcribe(wave.samples).text)
    notes = [*segment.notes, f"text recognised by {recogniser.identity.label}"]
    notes += [] if text else [NO_WORDS]
    return replace(segment, text=text, notes=tuple(notes))
