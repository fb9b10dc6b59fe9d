"""Recordings that visitors uploaded: each in its own folder, until it is deleted."""

import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from affuse.data.system.atomic_files import claim

PREFIX = "affuse-serve-"  # of the temporary folder of a server
LOCK = ".lock"  # held by the server to which a folder belongs
JUST_MADE = 60.0  # seconds in which a server may not yet hold its lock


class UploadedFiles:
    """Folder of uploads, which nobody but this process reads.

    Each upload has a folder with a random name, so that equal recordings of two
    visitors are deleted independently.

    Args:
        root: folder of all uploads
    """

    def __init__(self, root: Path):
        self.root = Path(os.path.realpath(root))

    def reserve(self) -> Path:
        """Return the folder for a new upload, which exists."""
        folder = self.root / secrets.token_hex(16)
        folder.mkdir(mode=0o700)
        return folder

    def find(self, path: str | os.PathLike[str]) -> Path | None:
        """Return the path of an upload; None if it is none, or was deleted.

        Links, pipes, folders and files outside the folder of uploads are none.

        Args:
            path: as a visitor states it
        """
        try:
            given = Path(os.path.abspath(path))
            is_upload = (
                self.root in given.parents and Path(os.path.realpath(given)) == given
            )
            return given if is_upload and stat.S_ISREG(given.stat().st_mode) else None
        except (OSError, ValueError):  # such as a name with a zero byte
            return None

    def remove(self, path: Path) -> None:
        """Delete an upload with its folder, if it is still there.

        Args:
            path: of the upload, or its folder
        """
        if self.root in path.parents:
            folder = self.root / path.relative_to(self.root).parts[0]
            shutil.rmtree(folder, ignore_errors=True)

    def remove_old(self, seconds: float) -> int:
        """Delete the uploads that are older, and return their number.

        Args:
            seconds: since the upload began
        """
        old = [
            folder
            for folder in self.root.iterdir()
            if time.time() - folder.stat().st_mtime > seconds
        ]
        for folder in old:
            shutil.rmtree(folder, ignore_errors=True)
        return len(old)

    @property
    def size(self) -> int:
        """Bytes of all uploads."""
        found = 0
        for folder, _, names in os.walk(self.root):
            for name in names:
                try:
                    found += os.lstat(os.path.join(folder, name)).st_size
                except FileNotFoundError:  # deleted since
                    continue
        return found


@contextmanager
def upload_folder() -> Iterator[UploadedFiles]:
    """Create a temporary folder for uploads, and delete it with them at the end.

    Folders of servers that were killed are deleted first.
    """
    _remove_abandoned(Path(gettempdir()))
    with (
        TemporaryDirectory(prefix=PREFIX) as folder,
        claim(Path(folder, LOCK), wait=False),
    ):
        uploads = Path(folder, "uploads")
        uploads.mkdir(mode=0o700)
        yield UploadedFiles(uploads)


def _remove_abandoned(place: Path) -> None:
    """Delete the folders of servers that were killed, whose lock nobody holds."""
    for folder in place.glob(f"{PREFIX}*"):
        try:
            found = folder.lstat()
            is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
            if not is_ours or time.time() - found.st_mtime < JUST_MADE:
                continue
            with claim(folder / LOCK, wait=False) as is_held:
                if is_held:
                    shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # another server deletes it at the same time
            continue
