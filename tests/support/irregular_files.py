"""Paths that are no regular files, at which a careless reader would wait or fill up."""

import faulthandler
import os
import signal
from contextlib import contextmanager

KINDS = ("pipe", "endless", "folder")
FILE_KINDS = ("pipe", "endless")  # of these, those that pass for files
SECONDS = (
    10  # that a reader has; it guards against one that waits, and measures nothing
)


def put_irregular_file(path, kind):
    """Make one in place of whatever is there."""
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
    """Fail where somebody waits, instead of waiting with them."""

    def late(*_):
        raise TimeoutError(f"it took more than {SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, late)
    faulthandler.dump_traceback_later(6 * SECONDS, exit=True)  # if no signal comes in
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)
