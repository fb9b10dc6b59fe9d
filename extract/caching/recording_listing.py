"""Listing of the recordings of a corpus: the digest and the header of each file.

The folder of the corpus keeps them, so that a repeated command opens only new and
changed files. A file counts as unchanged if its size, its inode, and the times when its
content and its status changed are the same, and if it was modified before it was
listed. All other files are read.
"""

import errno
import hashlib
import importlib.metadata
import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Self

from affuse.data.cache.cache_folder import CorpusFolder
from affuse.data.errors import DamagedFileError
from affuse.data.system.digests import write_and_list
from affuse.data.system.documents import read_json
from affuse.data.system.progress import bar
from affuse.data.system.regular_files import TABLE
from affuse.data.system.schema import Flag, Kind, ListOf, MapOf, Record, Text, Whole
from affuse.extract.audio import decoder_pool, decoding
from affuse.extract.audio.decoder_answers import Answers
from affuse.extract.audio.decoding import Probe, Unusable

MARGIN = 2 * 10**9  # nanoseconds; the coarsest clocks of file systems have 2 s
DECODERS = ("soundfile", "av")  # packages that read headers
CODE = Path(decoding.__file__).parent
PROBE: dict[str, Kind] = {
    "digest": Text(32, least=32),
    "frames": Whole(0),
    "rate": Whole(1),
    "channels": Whole(0),
    "cut_off": Flag(),
    "repairs": ListOf(Text()),
}
FILE = Record({"status": Text(80), "listed": Whole(0), **PROBE})
LISTING = Record({"decoder": Text(64), "files": MapOf(FILE)})
# errors of folders that are read-only, or hold something else by this name
FORBIDDEN = {errno.EROFS, errno.EACCES, errno.EPERM, errno.EISDIR, errno.ELOOP}
ADVICE = "the recordings are listed again"


class RecordingListing:
    """Listing of files, which begins at once in other processes.

    Args:
        files: recordings
        root: folder of the corpus
        folder: of the corpus in the cache, where the listing is kept
        threads: number of files that are opened at the same time
    """

    def __init__(
        self, files: Iterable[Path], root: Path, folder: CorpusFolder, threads: int
    ):
        self._root, self._path = root, folder.recordings
        self._names = {path: _name(path, root) for path in files}
        self._kept = self._read()
        self._begun = time.time_ns()
        self._status = {
            path: file_status(path) for path in sorted(self._names, key=str)
        }
        self._results: dict[Path, Probe | str] = {}
        for path, status in self._status.items():
            if probe := self._unchanged(path, status):
                self._results[path] = probe
        self._changed = [path for path in self._status if path not in self._results]
        self._answers = decoder_pool.probe_all(self._changed, threads)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._answers.close()

    def probes(self, progress: bool, delay: float = 0.0) -> Mapping[Path, Probe | str]:
        """Return the properties of each file, or the reason why it is unreadable.

        Args:
            progress: True to show a progress bar
            delay: seconds until the progress bar appears

        Raises:
            OSError: if the decoder cannot be started
        """
        if self._changed:
            self._results |= gather(self._answers, self._changed, progress, delay)
            self._keep()
            self._changed = []
        return self._results

    def status(self, path: Path) -> str:
        """Return the `file_status` of a file before it was listed; "" if unknown."""
        return self._status.get(path, "")

    def _read(self) -> dict[str, Any]:
        """Return the kept entries by name of the file; {} if they cannot be used."""
        try:
            kept = read_json(self._path, LISTING, advice=ADVICE, limit=TABLE)
        except (OSError, DamagedFileError):  # The listing only saves time.
            return {}
        files: dict[str, Any] = kept["files"]
        return files if kept["decoder"] == decoder_identity() else {}

    def _unchanged(self, path: Path, status: str) -> Probe | None:
        """Return the kept properties of a file; None if it may have changed."""
        entry = self._kept.get(self._names[path])
        if entry is None or not status or entry["status"] != status:
            return None
        modified = int(status.split()[1])
        if modified >= entry["listed"] - MARGIN:
            return None
        values = {name: entry[name] for name in PROBE}
        return Probe(**{**values, "repairs": tuple(entry["repairs"])})

    def _keep(self) -> None:
        """Write the properties of all files that were ever listed and still exist."""
        present = {self._names[path] for path, status in self._status.items() if status}
        files = {
            name: entry
            for name, entry in self._kept.items()
            if name in present or os.path.exists(self._root / name)
        }
        for path in self._changed:
            probe, status = self._results.get(path), self._status[path]
            files.pop(self._names[path], None)
            if isinstance(probe, Probe) and status:
                entry = {"status": status, "listed": self._begun, **vars(probe)}
                files[self._names[path]] = entry
        content = {"decoder": decoder_identity(), "files": files}
        # A line for each value. With `indent`, the encoder in C would not be used.
        text = json.dumps(content, sort_keys=True, separators=(",\n", ": "))
        try:
            write_and_list(self._path, f"{text}\n".encode())
        except OSError as error:
            if error.errno not in FORBIDDEN:
                raise


def gather(
    answers: Answers, paths: Sequence[Path], progress: bool, delay: float = 0.0
) -> dict[Path, Probe | str]:
    """Return the properties of each file, or the reason why it is unreadable.

    Args:
        answers: of `decoder_pool.probe_all` for the paths
        paths: of the files
        progress: True to show a progress bar
        delay: seconds until the progress bar appears

    Raises:
        OSError: if the decoder cannot be started
    """
    results: dict[Path, Probe | str] = {}
    total = len(paths)
    for place, result in bar(
        answers, total=total, name="files", unit="file", show=progress, delay=delay
    ):
        is_refused = isinstance(result, Unusable)
        results[paths[place]] = str(result) if is_refused else result
    return results


def file_status(path: Path) -> str:
    """Return size, modification time, inode and status time of a file.

    The system sets the status time at each change. So it tells even if a program sets
    the modification time back, as `rsync --inplace --times` does.

    Args:
        path: of the file

    Returns:
        four numbers, times in nanoseconds; "" if there is no such file
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return ""
    times = status.st_mtime_ns, status.st_ctime_ns
    return f"{status.st_size} {times[0]} {status.st_ino} {times[1]}"


def _name(path: Path, root: Path) -> str:
    """Return the name of a file: its path, relative if it lies in the corpus."""
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        return str(path.absolute())


@cache
def decoder_identity() -> str:
    """Return a digest of what determines the properties: our code, and packages."""
    total = hashlib.sha256()
    for path in sorted(CODE.glob("*.py")):
        total.update(path.read_bytes())
    for name in DECODERS:
        with suppress(importlib.metadata.PackageNotFoundError):
            total.update(f"{name} {importlib.metadata.version(name)}\n".encode())
    return total.hexdigest()
