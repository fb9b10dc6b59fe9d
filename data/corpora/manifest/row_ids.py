"""Ids of rows that have none of their own, made of the names of their files.

``wav/a.wav`` becomes ``wav-a``. Where that would also be the id of another file, such
as ``wav/a.ogg``, both keep their relative paths.
"""

import re
from collections.abc import Iterable, Mapping

from affuse.data.corpora.manifest.audio_paths import relative
from affuse.data.errors import AffuseError
from affuse.data.records import Problem
from affuse.data.tables import span_columns
from affuse.data.tables.delimited_tables import DelimitedTable
from affuse.data.tables.unread_columns import Columns

ROLES = ("id", "file", *span_columns.ALIASES)


class Identities:
    """Makes the ids of one corpus, all of whose rows it has seen."""

    def __init__(self, tables: Iterable[tuple[DelimitedTable, Columns]]) -> None:
        """Look for names that several files would get; reads the tables once."""
        self._owners: dict[str, str] = {}  # name -> path of the first file that has it
        self._repeated: set[str] = set()
        for table, columns in tables:
            for row in table.rows():
                if not isinstance(row, Problem):
                    line, values = row
                    cells = {
                        role: values[columns.roles[role]].strip()
                        for role in ROLES
                        if role in columns.roles
                    }
                    self._see(cells, fallback(table, line))
        self._settle()

    def of(self, path: str, start: float | None, end: float | None) -> str:
        """Return the id of a file or of a part of it; "" where there is no path.

        Args:
            path: relative to the folder of the table, as `relative` returns it
            start: of the part, in seconds; None for the whole file
            end: of the part; None for the end of the file
        """
        part = _part(start, end)
        stem = _stem(path)
        if not self._repeated.isdisjoint((stem, stem + part)):
            return path + part
        return stem + part if stem else ""

    def _see(self, cells: Mapping[str, str], fallback: str) -> None:
        path = relative(cells.get("file", ""))
        if cells.get("id") or not path:
            self._own(cells.get("id") or fallback, path)
            return
        try:
            part = _part(*span_columns.span(cells))
        except AffuseError:
            return  # the row is left out
        self._own(_stem(path), path)
        self._own(_stem(path) + part, path)

    def _own(self, name: str, path: str) -> None:
        if self._owners.setdefault(name, path) != path:
            self._repeated.add(name)

    def _settle(self) -> None:
        """Repeat also what is the path of a file that keeps its path."""
        paths = set(self._owners.values())
        before = -1
        while before < len(self._repeated):
            before = len(self._repeated)
            kept = (p for p in paths if _stem(p) in self._repeated)
            self._repeated |= {p for p in kept if self._owners.get(p, p) != p}


def fallback(table: DelimitedTable, line: int) -> str:
    """Return the id of a row that has neither an id nor a file."""
    return f"{table.path.stem}-{line}"


def _stem(path: str) -> str:
    """Return ``wav-a`` for ``wav/a.wav``."""
    return re.sub(r"\.[^./]*$", "", path).replace("/", "-")


def _part(start: float | None, end: float | None) -> str:
    """Return from and to in ms; "" for a whole file."""
    if start is None:
        return ""
    until = "end" if end is None else f"{1000 * end:.0f}"
    return f"-{1000 * start:.0f}-{until}"
