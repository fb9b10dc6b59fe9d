"""Journal of predicted recordings, from which an interrupted command continues.

The first line is a JSON object with the identity of the command. Each other line is one
recording with all its segments. A line is complete if it ends with a line break, so a
recording that was interrupted is not in the journal. Only names and offsets are in
memory.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn

from affuse.data.errors import DamagedFileError, OptionError
from affuse.data.system.atomic_files import named_errors
from affuse.data.system.documents import parse_json
from affuse.data.system.regular_files import TABLE, check_regular
from affuse.data.system.schema import MapOf, OneOf, Plain, Record
from affuse.extract.inference.journal_entries import ENTRY, packed, unpacked
from affuse.extract.inference.predicted_segments import PredictedSegment

FORMAT = 1  # version of the lines
LONGEST = 2**30  # bytes of a line
HEADER = Record({"predictions": OneOf((FORMAT,)), "identity": MapOf(Plain())})


@dataclass(frozen=True, slots=True)
class _Entry:
    """Place of a recording in the journal."""

    offset: int  # bytes
    stamp: str
    is_failed: bool


class PredictionJournal:
    """Open journal: recordings are added at its end, and read by their keys.

    Args:
        file: opened for reading and writing
        entries: places of the recordings in it; the next one is written after them
    """

    def __init__(self, file: BinaryIO, entries: dict[str, _Entry]):
        self._file, self._entries = file, entries

    def is_done(self, key: str, stamp: str) -> bool:
        """Return True if a recording was predicted without an error.

        Args:
            key: of the recording
            stamp: of the state of its file; another state counts as another recording
        """
        entry = self._entries.get(key)
        return entry is not None and entry.stamp == stamp and not entry.is_failed

    @property
    def done(self) -> Iterator[str]:
        """Keys of the recordings that were predicted without an error."""
        return (key for key, entry in self._entries.items() if not entry.is_failed)

    def is_failed(self, key: str) -> bool:
        """Return True if a recording, or a segment of it, could not be predicted."""
        return self._entries[key].is_failed

    def add(self, key: str, stamp: str, segments: Sequence[PredictedSegment]) -> None:
        """Append a recording, which replaces an earlier entry of its key.

        Args:
            key: of the recording
            stamp: of the state of its file
            segments: all segments of the recording
        """
        offset = self._file.seek(0, os.SEEK_END)
        content = {"key": key, "stamp": stamp, "segments": [*map(packed, segments)]}
        self._file.write(_line(content))
        self._file.flush()
        is_failed = any(segment.reason for segment in segments)
        self._entries[key] = _Entry(offset, stamp, is_failed)

    def read(self, key: str) -> tuple[PredictedSegment, ...]:
        """Return the segments of a recording.

        Args:
            key: of a recording that was added
        """
        self._file.seek(self._entries[key].offset)
        content = parse_json(self._file.readline(LONGEST), ENTRY)
        return tuple(map(unpacked, content["segments"]))


@contextmanager
def open_journal(
    path: Path, identity: Mapping[str, object]
) -> Iterator[PredictionJournal]:
    """Open a journal, which continues if there is one of the same command.

    An incomplete line at the end is removed.

    Args:
        path: of the journal
        identity: of the command, as plain values by name: all that changes predictions

    Yields:
        the journal

    Raises:
        OptionError: if the file is the journal of another command, or no journal
        DamagedFileError: if it is no regular file
    """
    header = _line({"predictions": FORMAT, "identity": dict(identity)})
    if os.path.lexists(path):
        check_regular(path, limit=TABLE)
    with named_errors(path), path.open("a+b") as file:
        file.seek(0)
        first = file.readline(LONGEST)
        if not header.startswith(first):
            _refuse(path, first, identity)
        entries: dict[str, _Entry] = {}
        if first == header:
            entries, end = _entries(file, len(header))
            file.truncate(end)
        else:  # it is empty, or its first line is incomplete
            file.truncate(0)
            file.write(header)
            file.flush()
        yield PredictionJournal(file, entries)


def _entries(file: BinaryIO, start: int) -> tuple[dict[str, _Entry], int]:
    """Return the entries of complete lines, and the offset of the end of the last."""
    entries, offset = dict[str, _Entry](), start
    while line := file.readline(LONGEST):
        try:
            if not line.endswith(b"\n"):
                break
            content = parse_json(line, ENTRY)
        except DamagedFileError:  # after a power cut, a line may hold anything
            break
        is_failed = any(segment["reason"] for segment in content["segments"])
        entries[content["key"]] = _Entry(offset, content["stamp"], is_failed)
        offset += len(line)
    return entries, offset


def _refuse(path: Path, first: bytes, identity: Mapping[str, object]) -> NoReturn:
    """Raise an error that says how a journal differs from that of this command."""
    try:
        recorded = parse_json(first, HEADER)["identity"]
    except DamagedFileError as error:
        raise OptionError(
            f"{path} is no file of an interrupted prediction; move it, or name another "
            f"file with --output"
        ) from error
    names = [
        name
        for name in {**recorded, **identity}
        if recorded.get(name) != identity.get(name)
    ]
    differences = ", ".join(
        f"{name} was {_shown(recorded.get(name))} and is {_shown(identity.get(name))}"
        for name in names
    )
    raise OptionError(
        f"{path} is of a prediction with other options that is not complete "
        f"({differences}); repeat that command, name another file with --output, or "
        f"remove {path.name}"
    )


def _shown(value: object) -> str:
    """Return an option for an error, shortened."""
    text = "not given" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _line(content: Mapping[str, object]) -> bytes:
    """Return an object as a line in ASCII; parts of surrogate pairs are kept."""
    return json.dumps(content, allow_nan=False).encode("ascii") + b"\n"
