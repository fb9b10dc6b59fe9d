"""Paths that are no regular files, at which a careless reader would wait or fill up."""

import os

BARRED = ("pipe", "endless", "folder")


def barred(path, kind):
    """Make one in place of whatever is there."""
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "endless":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    return path
