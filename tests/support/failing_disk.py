"""Simulated disk failures below one folder.

`Disk` makes the n-th system call fail that concerns the folder. It counts calls that
open, write, sync, rename, remove, make or lock something, in all threads. Reads by the
HDF5 library are not counted. `read_only` makes every call fail that writes.
"""

import errno
import io
import os
import threading
from contextlib import contextmanager

from affuse.data.system import atomic_files

ERRORS = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS)
NAMES = ("replace", "unlink", "mkdir", "open", "fsync")  # of os
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGING = (
    "link", "mkdir", "remove", "rename", "replace", "rmdir", "symlink", "truncate",
    "unlink", "utime",
)  # fmt: skip


class Disk:
    """Disk on which one call fails; all others are executed.

    Args:
        folder: only calls below it are counted
        fail: number of the call that fails, counted from 1; 0 for none
        error: error number of the failure
        short: largest number of bytes that a raw write accepts; None for no limit
    """

    def __init__(self, folder, *, fail=0, error=errno.ENOSPC, short=None):
        self.folder = os.path.abspath(folder)
        self.fail = fail
        self.error = error
        self.short = short
        self.calls = []  # names of the counted calls
        self._lock = threading.Lock()

    @property
    def failed(self):
        """Name of the call that failed; "" if no call failed."""
        return self.calls[self.fail - 1] if 0 < self.fail <= len(self.calls) else ""

    def count(self, name, path):
        """Count one call, or let it fail."""
        if isinstance(path, int):  # a handle
            path = os.readlink(f"/proc/self/fd/{path}")
        if not os.path.abspath(os.fsdecode(path)).startswith(self.folder):
            return
        with self._lock:
            self.calls.append(name)
            number = len(self.calls)
        if number == self.fail:
            raise OSError(self.error, os.strerror(self.error), str(path))

    @contextmanager
    def inserted(self, monkeypatch):
        """Replace the system calls by those of this disk."""
        with monkeypatch.context() as patch:
            for name in NAMES:
                patch.setattr(os, name, self._counted(name, getattr(os, name)))
            patch.setattr(io, "open", self._opening(io.open))
            flock = self._counted("flock", atomic_files.fcntl.flock)
            patch.setattr(atomic_files.fcntl, "flock", flock)
            yield self

    def _counted(self, name, real):
        def call(path, *args, **kwargs):
            self.count(name, path.fileno() if hasattr(path, "fileno") else path)
            return real(path, *args, **kwargs)

        return call

    def _opening(self, real):
        disk = self

        class Raw(io.FileIO):
            """File whose failing write writes half of the bytes."""

            def write(self, data):
                try:
                    disk.count("write", self.name)
                except OSError:
                    super().write(bytes(data)[: len(data) // 2])
                    raise
                whole = bytes(data)
                return super().write(whole[: disk.short or len(whole)])

        def open_(path, mode="r", *args, **kwargs):
            if isinstance(path, int):
                return real(path, mode, *args, **kwargs)
            disk.count(f"open {mode}", path)
            mine = os.path.abspath(os.fsdecode(path)).startswith(disk.folder)
            if mine and mode == "wb":
                return io.BufferedWriter(Raw(path, mode))
            return real(path, mode, *args, **kwargs)

        return open_


def snapshot(folder):
    """Return names, sizes and times of all files and folders, which a write changes."""
    found = {}
    for path in (folder, *sorted(folder.rglob("*"))):
        now = path.stat()
        found[str(path)] = (now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)
    return found


@contextmanager
def read_only(monkeypatch, folder):
    """Refuse every Python call that writes below a folder."""

    def refuse(path):
        text = os.path.abspath(os.fsdecode(path))
        if text.startswith(str(folder)):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    def changing(real):
        def call(path, *args, **kwargs):
            if not isinstance(path, int):
                refuse(path)
            return real(path, *args, **kwargs)

        return call

    def opening(real):
        def call(path, mode="r", *args, **kwargs):
            if set(mode) & set("wax+") and not isinstance(path, int):
                refuse(path)
            return real(path, mode, *args, **kwargs)

        return call

    real_open, real_mkdir = os.open, os.mkdir

    def low(path, flags, *args, **kwargs):
        if flags & WRITING:
            refuse(path)
        return real_open(path, flags, *args, **kwargs)

    def mkdir(path, *args, **kwargs):
        if os.path.isdir(path):  # Linux reports this error first
            return real_mkdir(path, *args, **kwargs)
        refuse(path)
        return real_mkdir(path, *args, **kwargs)

    real_access = os.access

    def access(path, mode, **kwargs):
        below = os.path.abspath(os.fsdecode(path)).startswith(str(folder))
        return not (below and mode & os.W_OK) and real_access(path, mode, **kwargs)

    with monkeypatch.context() as patch:
        for name in CHANGING:
            patch.setattr(os, name, changing(getattr(os, name)))
        patch.setattr(os, "open", low)
        patch.setattr(os, "mkdir", mkdir)
        patch.setattr(io, "open", opening(io.open))
        patch.setattr("builtins.open", opening(open))
        patch.setattr(os, "access", access)
        yield
