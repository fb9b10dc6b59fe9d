"""Search for the recordings that a user names: files, folders and lists of paths.

Nothing is opened here. Whether a file is a recording shows when it is decoded; its
suffix only selects it in a folder.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from affuse.data.errors import AffuseError
from affuse.extract.audio.sound_suffixes import is_sound_name
from affuse.extract.inference.predicted_segments import PredictedSegment
from affuse.extract.inference.segments import Recording

LIST = "-"  # argument that stands for paths on standard input
BLOCK = 2**16  # bytes of standard input that are read at a time
LONGEST_PATH = 2**16  # bytes of one path; longer input is no list of paths
RECENT = 64  # folders whose path without links is cached

Found = Recording | PredictedSegment


def find(
    arguments: Iterable[str | os.PathLike[str]],
    say: Callable[[str], object],
    *,
    path_list: BinaryIO | None = None,
) -> Iterator[Found]:
    """Yield the recordings that a user names, each once.

    A file is taken whatever its name is. A folder stands for all files in and below it
    that have a usual suffix, in the order of their paths. Hidden files and folders are
    skipped there. Links to folders are followed, but each folder is searched once.

    Args:
        arguments: files and folders; ``-`` for paths from `path_list`
        say: called with a sentence on files that are left out, after the last recording
        path_list: standard input: paths that end with a line feed, or with a zero byte
            if there is one

    Yields:
        a recording, named by the path as the user gave it, with a slash between a
        folder and what is below it; or, for a path that cannot be used, a segment with
        the reason

    Raises:
        AffuseError: if `path_list` is no list of paths
    """
    search = _Search()
    for argument in arguments:
        name = os.fspath(argument)
        if name == LIST and path_list is not None:
            yield from search.find_listed(path_list)
        else:
            yield from search.find(name)
    for sentence in search.notes():
        say(sentence)


@dataclass
class FileCount:
    """Number of files that are left out for one reason, with the first of them."""

    number: int = 0
    first: str = ""

    def add(self, name: str) -> None:
        """Count a file.

        Args:
            name: of the file, for sentences
        """
        self.first = self.first or name
        self.number += 1

    def __str__(self) -> str:
        return f"number: {self.number:,}, first: {self.first!r}"


@dataclass
class _Search:
    """Search that yields each file once, and counts what it leaves out."""

    files: set[str] = field(default_factory=set)  # paths without links to folders
    folders: set[str] = field(default_factory=set)  # paths without links
    repeated: FileCount = field(default_factory=FileCount)
    others: FileCount = field(default_factory=FileCount)  # of other suffixes
    real: Callable[[str], str] = field(
        default_factory=lambda: lru_cache(RECENT)(os.path.realpath)
    )

    def find(self, name: str) -> Iterator[Found]:
        """Yield the recording of a file, or those of a folder, or a reason."""
        if os.path.isdir(name):
            yield from self._folder(name)
        elif os.path.lexists(name):
            yield from self._file(name)
        else:
            reason = "there is no such file or folder; correct the path"
            yield PredictedSegment(name, reason=reason)

    def find_listed(self, path_list: BinaryIO) -> Iterator[Found]:
        """Yield the recordings of a list of paths, or a reason if it is empty."""
        is_empty = True
        for path in _listed_paths(path_list):
            is_empty = False
            yield from self.find(path)
        if is_empty:
            reason = "standard input holds no path; write one on each line"
            yield PredictedSegment(LIST, reason=reason)

    def notes(self) -> Iterator[str]:
        """Yield a sentence on each kind of files that were left out."""
        if self.repeated.number:
            yield f"paths given more than once are predicted once ({self.repeated})"
        if self.others.number:
            yield f"files without a suffix of a recording are left out ({self.others})"

    def _file(self, name: str) -> Iterator[Recording]:
        folder, base = os.path.split(name)
        # Links to files are kept apart: their names may differ on purpose.
        key = f"{self.real(folder)}{os.sep}{base}"
        if key in self.files:
            self.repeated.add(name)
        else:
            self.files.add(key)
            yield Recording(name, Path(name))

    def _folder(self, root: str) -> Iterator[Found]:
        """Yield the recordings in and below a folder, or a reason if there is none."""
        before, is_readable = self._number(), True
        pending = [root]  # a stack, because folders may be too deep for recursion
        while pending:
            path = pending.pop()
            if not os.path.isdir(path):
                if is_sound_name(path):
                    yield from self._file(path)
                else:
                    self.others.add(path)
                continue
            try:
                pending += reversed(self._entries(path))
            except OSError as error:
                is_readable = False
                reason = f"the folder cannot be read: {error.strerror or error}"
                yield PredictedSegment(path, reason=reason)
        if is_readable and self._number() == before:
            reason = "the folder holds no file with a suffix of a recording, as .wav"
            yield PredictedSegment(root, reason=reason)

    def _entries(self, folder: str) -> list[str]:
        """Return the sorted paths in a folder; none if it was searched before."""
        real = os.path.realpath(folder)
        if real in self.folders:
            self.repeated.add(folder)
            return []
        self.folders.add(real)
        names = sorted(name for name in os.listdir(folder) if name[0] != ".")
        return [str(Path(folder, name)) for name in names]

    def _number(self) -> int:
        """Return the number of recordings and repetitions so far."""
        return len(self.files) + self.repeated.number


def _listed_paths(path_list: BinaryIO) -> Iterator[str]:
    """Yield the paths of a list as soon as they are written; skip empty ones."""
    rest, end = b"", b""
    while block := path_list.read1(BLOCK):  # type: ignore[attr-defined]
        rest += block
        end = end or next((e for e in (b"\0", b"\n") if e in rest), b"")
        if end:
            *paths, rest = rest.split(end)
            yield from _decoded(paths, end)
        if len(rest) > LONGEST_PATH:
            raise AffuseError(
                f"standard input has more than {LONGEST_PATH:,} bytes without an end "
                f"of a line; write one path on each line"
            )
    yield from _decoded([rest], end)


def _decoded(paths: Iterable[bytes], end: bytes) -> Iterator[str]:
    """Yield the paths that are not empty as strings."""
    for path in paths:
        if name := path if end == b"\0" else path.removesuffix(b"\r"):
            yield os.fsdecode(name)
