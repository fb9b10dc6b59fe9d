"""Ids for rows without an id, derived from the names of their files.

``wav/a.wav`` gets the id ``wav-a``. If another file would get the same id, such as
``wav/a.ogg``, the relative path is the id of both.
"""

import re
from collections.abc import Iterable, Mapping

from affuse.data.corpora.manifest.audio_paths import Folder
from affuse.data.errors import AffuseError
from affuse.data.records import Problem
from affuse.data.tables import span_columns
from affuse.data.tables.delimited_tables import DelimitedTable
from affuse.data.tables.unread_columns import Columns

ROLES = ("id", "file", *span_columns.ALIASES)


class Identities:
    """Unique ids for the rows of one corpus."""

    def __init__(
        self, tables: Iterable[tuple[DelimitedTable, Columns]], folder: Folder
    ) -> None:
        """Find the ids that several files would get, by reading the tables once."""
        self._folder = folder
        self._owners: dict[str, str] = {}  # id -> path of the first file that gets it
        self._repeated: set[str] = set()  # ids that several files would get
        for table, columns in tables:
            for row in table.rows():
                if not isinstance(row, Problem):
                    line, values = row
                    cells = {
                        role: values[columns.roles[role]].strip()
                        for role in ROLES
                        if role in columns.roles
                    }
                    self._register_row(cells, fallback_id(table, line))
        self._close()

    def part_id(self, path: str, start: float | None, end: float | None) -> str:
        """Return the id of a file or of a part of it, or "" without a path.

        Args:
            path: as `Folder.relative` returns it
            start: of the part, in seconds; None for the whole file
            end: of the part; None for the end of the file
        """
        part = _part(start, end)
        stem = _stem(path)
        if not self._repeated.isdisjoint((stem, stem + part)):
            return path + part
        return stem + part if stem else ""

    def _register_row(self, cells: Mapping[str, str], fallback: str) -> None:
        path = self._folder.relative(cells.get("file", ""))
        if cells.get("id") or not path:
            self._register(cells.get("id") or fallback, path)
            return
        try:
            part = _part(*span_columns.span(cells))
        except AffuseError:
            return  # reading the row reports the error and leaves the row out
        self._register(_stem(path), path)
        self._register(_stem(path) + part, path)

    def _register(self, name: str, path: str) -> None:
        if self._owners.setdefault(name, path) != path:
            self._repeated.add(name)

    def _close(self) -> None:
        """Mark also the ids that equal the path of a file whose path is its id."""
        paths = set(self._owners.values())
        size = -1
        while size < len(self._repeated):
            size = len(self._repeated)
            path_ids = (p for p in paths if _stem(p) in self._repeated)
            self._repeated |= {p for p in path_ids if self._owners.get(p, p) != p}


def fallback_id(table: DelimitedTable, line: int) -> str:
    """Return the id of a row that has neither an id nor a file.

    Args:
        table: of the row
        line: its first line, counted from 1
    """
    return f"{table.path.stem}-{line}"


def _stem(path: str) -> str:
    """Return ``wav-a`` for ``wav/a.wav``."""
    return re.sub(r"\.[^./]*$", "", path).replace("/", "-")


def _part(start: float | None, end: float | None) -> str:
    """Return the suffix of an id, start and end in ms, or "" for a whole file."""
    if start is None:
        return ""
    until = "end" if end is None else f"{1000 * end:.0f}"
    return f"-{1000 * start:.0f}-{until}"
