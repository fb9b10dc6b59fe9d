"""Paths that are no regular files, which would block a reader or fill its memory."""

import faulthandler
import os
import signal
from contextlib import contextmanager

KINDS = ("pipe", "endless", "folder")
FILE_KINDS = ("pipe", "endless")  # kinds without folders
SECONDS = (
    10  # that a reader has; it guards against one that waits, and measures nothing
)


def put_irregular_file(path, kind):
    """Replace a path by an irregular file of a kind, and return the path."""
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "endless":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    return path


@contextmanager
def fail_if_slow():
    """Fail after `SECONDS`, so that a blocked reader does not block the tests."""

    def late(*_):
        raise TimeoutError(f"it took more than {SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, late)
    faulthandler.dump_traceback_later(6 * SECONDS, exit=True)  # if the alarm fails
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)
