"""The links of a chained Ogg file: streams that follow one another in one file.

libsndfile reads the first of them only. This module finds where each begins; it decodes
nothing (RFC 3533, sections 4 and 6).
"""

import mmap
from collections.abc import Iterator
from pathlib import Path

HEAD = 27  # bytes of a page before its table of segments
FIRST_PAGE = 2  # flag of the page that begins a stream


def find(path: Path) -> tuple[range, ...]:
    """Return the positions of each link of an Ogg file, in order."""
    with path.open("rb") as file:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            begins = [*_begins(data)]
            ends = [*begins[1:], len(data)]
    return tuple(range(b, e) for b, e in zip(begins, ends, strict=True))


def _begins(data: mmap.mmap) -> Iterator[int]:
    """Yield where a stream begins that does not begin beside the one before."""
    at, beside = 0, False
    while (at := data.find(b"OggS", at)) >= 0 and at + HEAD <= len(data):
        first = bool(data[at + 5] & FIRST_PAGE) and data[at + 4] == 0
        if first and not beside:
            yield at
        beside = first
        segments = data[at + HEAD - 1]
        at += HEAD + segments + sum(data[at + HEAD : at + HEAD + segments])
