"""Errors that are meant for the user of a command: each is one sentence.

A command prints these errors and `OSError` without a traceback. Any other exception is
a fault of the code, ours or that of a plug-in, and keeps its traceback.
"""


class AffuseError(ValueError):
    """An error whose message says what is wrong, where, and what to do next."""


class DamagedFileError(AffuseError):
    """A file that does not hold what was written into it, or is no regular file."""


class MemoryShortageError(AffuseError, MemoryError):
    """Too little memory to read or write a file; nothing is known to be wrong with it.

    It is an `AffuseError`, so that a command prints it as one sentence.
    """
