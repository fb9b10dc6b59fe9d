"""The links of a chained Ogg file: streams that follow one another in one file.

libsndfile reads the first of them only, and a file that is cut off to its last whole
page. This module finds where each begins, and how the file ends; it decodes nothing
(RFC 3533, sections 4 and 6).
"""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MARK = b"OggS"
HEAD = 27  # bytes of a page before its table of segments
FIRST_PAGE, LAST_PAGE = 2, 4  # flags of the pages that begin and end a stream


@dataclass(frozen=True)
class Page:
    """One page of an Ogg file, by its header."""

    begin: int  # position in the file
    end: int  # which lies beyond the end of a file that is cut off
    version: int
    flags: int

    @property
    def is_first(self) -> bool:
        """Return True if a stream begins with this page."""
        return bool(self.flags & FIRST_PAGE) and self.version == 0


@dataclass(frozen=True)
class Links:
    """The links of an Ogg file, and how it ends."""

    ranges: tuple[range, ...]  # positions of each link, in order
    cut_off: bool  # whether the file ends within a page
    ended: bool  # whether its last page says that it is the last


def find(path: Path) -> Links:
    """Return the positions of each link of an Ogg file, and how the file ends."""
    with path.open("rb") as file:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            begins, beside, last = list[int](), False, None
            for last in _pages(data):
                if last.is_first and not beside:  # the one before is no first page
                    begins.append(last.begin)
                beside = last.is_first
            size = len(data)
    ends = [*begins[1:], size]
    return Links(
        tuple(range(b, e) for b, e in zip(begins, ends, strict=True)),
        cut_off=last is None or last.end > size,
        ended=last is not None and bool(last.flags & LAST_PAGE),
    )


def _pages(data: mmap.mmap) -> Iterator[Page]:
    """Yield every page; one whose header is cut off ends beyond the file."""
    at = 0
    while (at := data.find(MARK, at)) >= 0:
        if at + HEAD > len(data):
            yield Page(at, at + HEAD, 0, 0)
            return
        segments = data[at + HEAD - 1]
        body = at + HEAD + segments
        end = body + sum(data[at + HEAD : body])
        yield Page(at, end, data[at + 4], data[at + 5])
        at = end
