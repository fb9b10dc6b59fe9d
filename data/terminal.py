"""Printing to the terminal, with control characters escaped.

Names and messages may hold text from untrusted files. A command prints only with
`print_line`, the log or an error message, and each of these escapes the text.
`affuse.fuse.reporting.escapes` escapes text for other formats.
"""

import copy
import logging
import os
import re
import shutil
import sys
import textwrap
import traceback
from numbers import Number
from types import TracebackType
from typing import TextIO

import click

# Characters that control a terminal or an editor: control characters except tab and
# line feed, line and paragraph separators, bidirectional embeddings, overrides and
# isolates. Lone surrogates are included because no encoding can write them.
ACTIVE = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    """Return a text on one line, with every character escaped that is not printable.

    These are control characters, line ends, bidirectional and other invisible
    characters, and bytes of file names that are no characters.

    Args:
        text: from any file

    Examples:
        >>> print(printable("a\\x1b[2J\\nb"))
        a\\x1b[2J\\nb
    """
    if text.isprintable():
        return text  # the same object, so that equal texts of problems share memory
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def escape_active(text: str) -> str:
    """Return a text with only those characters escaped that control a terminal.

    Line ends, tabs, no-break spaces and joiners are kept, because data need them.

    Args:
        text: from any file

    Examples:
        >>> print(escape_active("a\\x1b[2J"))
        a\\x1b[2J
    """
    return ACTIVE.sub(lambda match: _escaped(match[0]), text)


def _escaped(character: str) -> str:
    """Return the escape sequence that Python writes for a character."""
    return character.encode("unicode_escape").decode()


def page_width(stream: TextIO, most: int) -> int:
    """Return the number of columns for text on a stream.

    Args:
        stream: a terminal; or a file or a pipe, for which it is `most`
        most: largest number of columns, even on a wider terminal
    """
    if not stream.isatty():
        return most
    return min(most, shutil.get_terminal_size((most, 24)).columns)


def wrap_line(line: str, width: int) -> list[str]:
    """Return a line as lines that fit a page, the further ones indented by two more.

    Args:
        line: its indentation is kept
        width: of the page in columns

    Examples:
        >>> wrap_line("  note: one, two", 12)
        ['  note: one,', '    two']
    """
    if len(line) <= width:
        return [line]
    indent = " " * (len(line) - len(line.lstrip(" ")))
    return textwrap.wrap(
        printable(line.strip()),
        width,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def print_wrapped(line: str) -> None:
    """Print a line, which is wrapped between words if standard output is a terminal.

    Args:
        line: may hold text from any file
    """
    for part in wrap_line(line, page_width(sys.stdout, max(1, len(line)))):
        print_line(part)


def print_line(line: str, *, err: bool = False) -> None:
    """Print one line, with control characters and line ends within it escaped.

    Args:
        line: may hold text from any file
        err: True to print to standard error instead of standard output
    """
    click.echo(printable(line), err=err)


def protect() -> None:
    """Set handlers that escape the log messages and tracebacks that Python prints.

    Standard streams that are closed are opened first. The command line calls this once;
    a second call changes nothing.
    """
    open_standard_streams()
    protect_log()
    sys.excepthook = _print_traceback


def open_standard_streams() -> None:
    """Open the null device for each standard stream that is closed.

    Python sets a stream to None if its descriptor is closed, as by ``<&-`` in a shell.
    Without this call, the next file that is opened would take the descriptor, and
    libraries that print to it would write into that file.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))


def protect_log() -> None:
    """Set a formatter that escapes log messages, if no log handler is configured.

    Each process that may log calls this; a second call changes nothing.
    """
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(Formatter())


class Formatter(logging.Formatter):
    """Formatter that escapes log messages, and line ends in their arguments."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the message with its arguments on one line each, escaped line by line.

        Args:
            record: of the log; it is not changed
        """
        copied = copy.copy(record)
        if isinstance(record.args, tuple):
            copied.args = tuple(map(_argument, record.args))
        return "\n".join(map(printable, super().format(copied).split("\n")))


def _argument(value: object) -> object:
    """Return a number unchanged, and any other argument as text on one line."""
    return value if isinstance(value, Number) else printable(str(value))


def _print_traceback(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print a traceback as Python does, with control characters escaped."""
    for text in traceback.format_exception(kind, error, trace):
        for line in text.rstrip("\n").split("\n"):
            print_line(line, err=True)
