"""Search for stretches of a recording that overlap in time."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping

from affuse.data.cache.recording_spans import RecordingSpan

# Seconds that neighbouring utterances may share, because segment borders are inexact.
BORDER_TOLERANCE = 0.1


class Timelines:
    """Stretches of some utterances, sorted by file and time.

    Args:
        ids: of the utterances
        stretches: utterance id -> stretch, for these and other utterances
    """

    def __init__(self, ids: Iterable[str], stretches: Mapping[str, RecordingSpan]):
        files: dict[str, list[tuple[float, float, str]]] = {}
        for id_ in ids:
            span = stretches.get(id_)
            if span is not None and span.end - span.begin > BORDER_TOLERANCE:
                files.setdefault(span.file, []).append((span.begin, span.end, id_))
        self._begins = {f: sorted(row[0] for row in rows) for f, rows in files.items()}
        self._latest = {f: list(_latest(sorted(rows))) for f, rows in files.items()}

    def find(self, stretch: RecordingSpan) -> str:
        """Return the id of an utterance that overlaps a stretch, or "".

        An overlap of at most `BORDER_TOLERANCE` is ignored. Among the utterances that
        begin before the stretch ends, the one that ends last overlaps if any does.

        Args:
            stretch: of another utterance
        """
        begins = self._begins.get(stretch.file, [])
        count = bisect_left(begins, stretch.end - BORDER_TOLERANCE)
        if not count:
            return ""
        end, id_ = self._latest[stretch.file][count - 1]
        return id_ if min(end, stretch.end) - stretch.begin > BORDER_TOLERANCE else ""


def _latest(rows: Iterable[tuple[float, float, str]]) -> Iterator[tuple[float, str]]:
    """Yield the latest end up to each row, and the id of its utterance."""
    latest = (-1.0, "")
    for _, end, id_ in rows:
        latest = max(latest, (end, id_))
        yield latest
