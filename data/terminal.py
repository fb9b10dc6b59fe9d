"""Text for the terminal: escapes what a terminal would act on, and prints the rest.

Names and sentences of this project hold text from files that strangers may have made.
Everything that a command prints goes through `say`, through the log or through an error
message, and each of them escapes that text. Other formats are in
`affuse.fuse.reporting.escapes`.
"""

import copy
import logging
import re
import shutil
import sys
import traceback
from numbers import Number
from types import TracebackType
from typing import TextIO

import click

# What acts in a terminal or an editor: control characters but tab and line feed,
# line and paragraph separators, bidirectional embeddings, overrides and isolates;
# and lone surrogates, which no encoding can write.
ACTIVE = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    """Escape every character that is not printable, so that one line stays one line.

    Escaped are control characters, line ends, bidirectional and other invisible
    characters, and bytes of file names that are no characters.

    Examples:
        >>> print(printable("a\\x1b[2J\\nb"))
        a\\x1b[2J\\nb
    """
    if text.isprintable():
        return text  # the same object, of which there may be one for many problems
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def inactive(text: str) -> str:
    """Escape only what a terminal or an editor acts on; data stay readable as data.

    Line ends, tabs, no-break spaces and joiners, which scripts need, stay.

    Examples:
        >>> print(inactive("a\\x1b[2J"))
        a\\x1b[2J
    """
    return ACTIVE.sub(lambda match: _escaped(match[0]), text)


def _escaped(character: str) -> str:
    """Return the escape sequence that Python writes for a character."""
    return character.encode("unicode_escape").decode()


def page_width(stream: TextIO, most: int) -> int:
    """Return how many columns text may take on a stream.

    Args:
        stream: a terminal, or a file or a pipe, which is as wide as can be
        most: columns of a page, however wide the terminal is
    """
    if not stream.isatty():
        return most
    return min(most, shutil.get_terminal_size((most, 24)).columns)


def say(line: str, *, err: bool = False) -> None:
    """Print one line. A line end within it is escaped, for it is not ours.

    Args:
        line: may hold any text from any file
        err: print on the standard error stream instead of the standard output
    """
    click.echo(printable(line), err=err)


def protect() -> None:
    """Escape what Python itself prints: log messages, and tracebacks of faults.

    The command line calls this once; a second call changes nothing.
    """
    protect_log()
    sys.excepthook = _print_traceback


def protect_log() -> None:
    """Escape log messages, where nobody has configured a log handler.

    Each process that may log calls this; a second call changes nothing.
    """
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(Formatter())


class Formatter(logging.Formatter):
    """Formats a log message; of its line ends, only those of the message are kept."""

    def format(self, record: logging.LogRecord) -> str:
        """Escape the arguments as one line each, then the message line by line."""
        found = copy.copy(record)
        if isinstance(record.args, tuple):
            found.args = tuple(map(_argument, record.args))
        return "\n".join(map(printable, super().format(found).split("\n")))


def _argument(value: object) -> object:
    """Return an argument of a log message; all but numbers as text on one line."""
    return value if isinstance(value, Number) else printable(str(value))


def _print_traceback(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print a traceback as Python does, but for characters that act."""
    for text in traceback.format_exception(kind, error, trace):
        for line in text.rstrip("\n").split("\n"):
            say(line, err=True)
