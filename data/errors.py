"""Errors for the user of a command, each with a message of one sentence.

The message may hold names from untrusted files. ``str`` escapes it, so that it is safe
wherever it is shown.

A command prints these errors and `OSError` without a traceback. Any other exception is
a bug. If a plug-in raised it, the command names the plug-in
(`affuse.data.plugin_failures`); otherwise it prints the traceback.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from affuse.data.terminal import printable


class AffuseError(ValueError):
    """Error whose message says what is wrong, where, and what to do next.

    Its arguments are that sentence and, if a list follows, further lines. Each argument
    is printed on one line: line ends and control characters within it are escaped.

    Examples:
        >>> print(AffuseError("no run '\\x1b[2J\\n'; there are", "  a", "  b"))
        no run '\\x1b[2J\\n'; there are
          a
          b
    """

    def __str__(self) -> str:
        return "\n".join(printable(str(line)) for line in self.args)


def message(error: BaseException) -> str:
    """Return the message of an error, escaped so that it is safe to print.

    Only the message of an `AffuseError` may have several lines.
    """
    text = str(error)
    return text if isinstance(error, AffuseError) else printable(text)


class OptionError(AffuseError):
    """Error in the options of a command, which then exits with status 2."""


@contextmanager
def as_option_errors() -> Iterator[None]:
    """Convert every `AffuseError` and `FileNotFoundError` inside to an `OptionError`.

    Use it where options are checked by code that also reads files. A
    `DamagedFileError` is not converted, because the options did not cause it.

    Raises:
        OptionError: with the message of the error
        DamagedFileError: if a file is damaged
    """
    try:
        yield
    except DamagedFileError:
        raise
    except (AffuseError, FileNotFoundError) as error:
        raise OptionError(*error.args) from error


class DamagedFileError(AffuseError):
    """Error for a file that is not as it was written, or is no regular file."""


class MemoryShortageError(AffuseError, MemoryError):
    """Error for too little memory to read or write a file; the file may be intact."""
