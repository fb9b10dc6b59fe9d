"""Matching of the rows of a table to the recordings that a user names, by path."""

import os
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from affuse.data.corpora.manifest.audio_paths import clean_path
from affuse.data.errors import AffuseError
from affuse.extract.inference.predicted_segments import PredictedSegment
from affuse.extract.inference.recording_search import FileCount, Found
from affuse.extract.inference.segments import Recording


class FileRow(Protocol):
    """Row of a table that names a recording."""

    @property
    def file(self) -> str:
        """Path or name of the recording, as in the table."""

    @property
    def line(self) -> int:
        """Line in the table, counted from 1."""


Row = TypeVar("Row", bound=FileRow)


@dataclass
class MatchedRows(Generic[Row]):
    """Rows by their recordings, and the rows and recordings without a partner."""

    rows: dict[int, list[Row]] = field(default_factory=dict)  # {index of a recording}
    unmatched: FileCount = field(default_factory=FileCount)  # rows
    missing: FileCount = field(default_factory=FileCount)  # recordings

    def notes(self, table: str) -> Iterator[str]:
        """Yield a sentence on rows without a recording, and one on the reverse.

        Args:
            table: what the table holds, such as "transcripts"
        """
        if self.unmatched.number:
            yield (
                f"rows of the {table} match no recording ({self.unmatched}); write "
                f"absolute paths, names of files alone, or paths below a folder that "
                f"you predict"
            )
        if self.missing.number:
            yield f"recordings have no row in the {table} ({self.missing})"


def match_rows(
    found: Sequence[Found],
    rows: Iterable[Row],
    table: Path,
    arguments: Iterable[str | os.PathLike[str]],
) -> MatchedRows[Row]:
    """Return the rows of each recording.

    A row names its recording by a path: as the user typed it, relative to the folder of
    the table, or relative to a folder among the arguments. Without a folder, it may be
    the name of a file anywhere, with or without its suffix.

    Args:
        found: recordings, and other results that have no name here
        rows: of the table
        table: its path
        arguments: files and folders that were searched

    Raises:
        AffuseError: if a name in the table stands for several recordings
    """
    names = _RecordingNames(found, [Path(), table.parent, *map(Path, arguments)])
    matched = MatchedRows[Row]()
    for row in rows:
        place = names.place(row, table)
        if place is None:
            matched.unmatched.add(row.file)
        else:
            matched.rows.setdefault(place, []).append(row)
    for i, item in enumerate(found):
        if isinstance(item, Recording) and i not in matched.rows:
            matched.missing.add(item.file)
    return matched


class _RecordingNames:
    """Names by which a table may refer to recordings.

    Args:
        found: recordings, and other results that have no name here
        folders: that paths in the table may be relative to
    """

    def __init__(self, found: Sequence[Found], folders: Sequence[Path]) -> None:
        self._folders = list(dict.fromkeys(folders))
        self._paths: dict[str, list[int]] = {}
        self._names: dict[str, list[int]] = {}
        self._stems: dict[str, list[int]] = {}
        self._found = found
        for i, item in enumerate(found):
            if isinstance(item, PredictedSegment) or item.path is None:
                continue
            self._paths.setdefault(_key(item.path), []).append(i)
            self._names.setdefault(_composed(item.path.name), []).append(i)
            self._stems.setdefault(_composed(item.path.stem), []).append(i)

    def place(self, row: FileRow, table: Path) -> int | None:
        """Return the index of the recording that a row names, or None.

        Args:
            row: of the table
            table: path for an error

        Raises:
            AffuseError: if the row names several recordings
        """
        for places in self._candidates(row.file):
            if len(places) > 1:
                files = " and ".join(repr(self._found[i].file) for i in places[:2])
                raise AffuseError(
                    f"{table}, line {row.line}: {row.file!r} may be {files}; write "
                    f"the absolute path of the recording in this row"
                )
            if places:
                return places[0]
        return None

    def _candidates(self, name: str) -> Iterator[list[int]]:
        """Yield the indices of recordings for each way to read a name in a table."""
        spellings = dict.fromkeys((name, clean_path(name)))
        keys = dict.fromkeys(_key(f / s) for s in spellings for f in self._folders)
        yield list(dict.fromkeys(i for key in keys for i in self._paths.get(key, ())))
        if "/" not in clean_path(name):
            yield self._names.get(_composed(name), [])
            yield self._stems.get(_composed(name), [])


def _key(path: Path) -> str:
    """Return an absolute path that is equal for all spellings of the same path."""
    return _composed(os.path.abspath(path))


def _composed(name: str) -> str:
    """Return a name in the Unicode form NFC, since some systems decompose letters."""
    return unicodedata.normalize("NFC", name)
