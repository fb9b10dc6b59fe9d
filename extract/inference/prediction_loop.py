"""Prediction of a stream of segments, in chunks that need constant memory.

While one chunk is encoded, a thread decodes the next.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

from affuse.data.system.prefetching import prefetch
from affuse.extract.inference.loaded_model import LoadedFileModel, predicted
from affuse.extract.inference.predicted_segments import PredictedSegment
from affuse.extract.inference.segment_encoding import OpenedSegments
from affuse.extract.inference.segments import Segment

# Large chunks are faster, because more segments of equal length are encoded together.
# Small ones show results sooner, so each chunk has twice the segments of the previous.
FIRST_ROWS, MOST_ROWS = 32, 512  # segments of a chunk
SECONDS = 900.0  # of audio in a chunk; its samples take 64 kB a second


@dataclass(frozen=True)
class OpenedChunk:
    """Chunk of a stream: opened segments, and the places of the others."""

    # in the order of the stream; None stands for the next opened segment
    items: tuple[PredictedSegment | None, ...]
    opened: OpenedSegments


def predict_segments(
    model: LoadedFileModel, stream: Iterable[Segment | PredictedSegment]
) -> Iterator[PredictedSegment]:
    """Yield the prediction of each segment, in the order of the stream.

    Args:
        model: to predict with
        stream: segments; a `PredictedSegment` in it is a file that cannot be read, and
            is passed on
    """

    def opened(chunk: list[Segment | PredictedSegment]) -> OpenedChunk:
        items = [_checked(model, item) for item in chunk]
        segments = [item for item in items if isinstance(item, Segment)]
        others = (
            item if isinstance(item, PredictedSegment) else None for item in items
        )
        return OpenedChunk(tuple(others), model.open(segments))

    with closing(prefetch(_chunks(iter(stream)), opened)) as ready:
        for chunk in ready:
            results = iter(model.predict(chunk.opened))
            yield from (next(results) if i is None else i for i in chunk.items)


def _checked(
    model: LoadedFileModel, item: Segment | PredictedSegment
) -> Segment | PredictedSegment:
    """Return an item, or the reason why its segment cannot be predicted."""
    if isinstance(item, PredictedSegment) or not (reason := model.reason(item)):
        return item
    return predicted(item, item.notes, reason=reason, ratings={})


def _chunks(
    stream: Iterator[Segment | PredictedSegment],
) -> Iterator[list[Segment | PredictedSegment]]:
    """Yield the items of a stream in chunks of limited length and size."""
    chunk: list[Segment | PredictedSegment] = []
    rows, seconds = FIRST_ROWS, 0.0
    for item in stream:
        size = item.seconds if isinstance(item, Segment) else 0.0
        if chunk and (len(chunk) == rows or seconds + size > SECONDS):
            yield chunk
            chunk, seconds, rows = [], 0.0, min(2 * rows, MOST_ROWS)
        chunk.append(item)
        seconds += size
    if chunk:
        yield chunk
