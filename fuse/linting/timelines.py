"""Stretches of recordings by file, to find those that overlap."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping

from affuse.data.cache.recording_spans import Stretch

TOUCH = 0.1  # seconds that neighbours in a recording may share, for cuts are inexact


class Timelines:
    """Stretches of some utterances, sorted by file and time.

    Args:
        ids: of utterances
        stretches: of these and others, by utterance id
    """

    def __init__(self, ids: Iterable[str], stretches: Mapping[str, Stretch]):
        files: dict[str, list[tuple[float, float, str]]] = {}
        for id_ in ids:
            found = stretches.get(id_)
            if found is not None and found.end - found.begin > TOUCH:
                files.setdefault(found.file, []).append((found.begin, found.end, id_))
        self._begins = {f: sorted(row[0] for row in rows) for f, rows in files.items()}
        self._latest = {f: list(_latest(sorted(rows))) for f, rows in files.items()}

    def find(self, stretch: Stretch) -> str:
        """Return the id of one that shares more than `TOUCH`; "" if there is none.

        Of those that begin before the stretch ends, the one that ends last overlaps if
        any does.
        """
        begins = self._begins.get(stretch.file, [])
        count = bisect_left(begins, stretch.end - TOUCH)
        if not count:
            return ""
        end, id_ = self._latest[stretch.file][count - 1]
        return id_ if min(end, stretch.end) - stretch.begin > TOUCH else ""


def _latest(rows: Iterable[tuple[float, float, str]]) -> Iterator[tuple[float, str]]:
    """Yield the latest end up to each row, and whose it is."""
    latest = (-1.0, "")
    for _, end, id_ in rows:
        latest = max(latest, (end, id_))
        yield latest
