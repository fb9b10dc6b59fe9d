"""Errors that are meant for the user of a command: each is one sentence.

The sentence holds names from files that strangers may have made; it is escaped when it
is asked for, so that no place that shows it can forget to do so.

A command prints these errors and `OSError` without a traceback. Any other exception is
a fault of the code, ours or that of a plug-in, and keeps its traceback.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from affuse.data.terminal import printable


class AffuseError(ValueError):
    """An error whose message says what is wrong, where, and what to do next.

    Its arguments are that sentence and, where a list belongs to it, further lines.
    Each is one line: a line end or a control character within it is escaped.

    Examples:
        >>> print(AffuseError("no run '\\x1b[2J\\n'; there are", "  a", "  b"))
        no run '\\x1b[2J\\n'; there are
          a
          b
    """

    def __str__(self) -> str:
        return "\n".join(printable(str(line)) for line in self.args)


def message(error: BaseException) -> str:
    """Return the message of an error, safe to print.

    Only an `AffuseError` may have several lines.
    """
    text = str(error)
    return text if isinstance(error, AffuseError) else printable(text)


class OptionError(AffuseError):
    """A command line that asks for what cannot be; its command exits with status 2."""


@contextmanager
def options_at_fault() -> Iterator[None]:
    """Turn errors within into an `OptionError`: every `AffuseError`, a missing file.

    It belongs around the parsing of options by code that also reads files, of which the
    user of a command has typed nothing.

    Raises:
        OptionError: with the sentence of the error
    """
    try:
        yield
    except DamagedFileError:
        raise
    except (AffuseError, FileNotFoundError) as error:
        raise OptionError(*error.args) from error


class DamagedFileError(AffuseError):
    """A file that does not hold what was written into it, or is no regular file."""


class MemoryShortageError(AffuseError, MemoryError):
    """Too little memory to read or write a file; nothing is known to be wrong with it.

    It is an `AffuseError`, so that a command prints it as one sentence.
    """
