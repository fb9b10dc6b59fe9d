"""Links of a chained Ogg file, that is, streams that follow one another in one file.

libsndfile reads only the first link, and silently reads a truncated file up to its last
complete page. This module locates each link and checks the end of the file. It does not
decode samples. The format is described in RFC 3533, sections 4 and 6.
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
    """Page of an Ogg file, with the values in its header."""

    begin: int  # position in the file
    end: int  # position, beyond the end of the file if that is truncated
    version: int
    flags: int

    @property
    def is_first(self) -> bool:
        """Return True if a stream begins with this page."""
        return bool(self.flags & FIRST_PAGE) and self.version == 0


@dataclass(frozen=True)
class Links:
    """Links of an Ogg file, and the state of its end."""

    ranges: tuple[range, ...]  # positions of each link, in order
    cut_off: bool  # True if the file ends within a page
    ended: bool  # True if the last page is marked as the last


def find(path: Path) -> Links:
    """Return the positions of each link of an Ogg file, and the state of its end."""
    with path.open("rb") as file:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            begins, follows_first, last = list[int](), False, None
            for last in _pages(data):
                if last.is_first and not follows_first:
                    begins.append(last.begin)
                follows_first = last.is_first
            size = len(data)
    ends = [*begins[1:], size]
    return Links(
        tuple(range(b, e) for b, e in zip(begins, ends, strict=True)),
        cut_off=last is None or last.end > size,
        ended=last is not None and bool(last.flags & LAST_PAGE),
    )


def _pages(data: mmap.mmap) -> Iterator[Page]:
    """Yield each page; a page with a truncated header ends beyond the file."""
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
