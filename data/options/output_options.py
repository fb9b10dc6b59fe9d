"""Option of commands that write one file, and the file itself."""

import csv
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, TextIO, cast

import click

from affuse.data.errors import OptionError
from affuse.data.options.command_record import Command
from affuse.data.options.option_fields import SCREEN, WRITE, option
from affuse.data.system.atomic_files import named_errors

LONGEST_HEADER = 100_000  # characters of the first line of a table


@dataclass(frozen=True, kw_only=True)
class OutputFile(Command):
    """File to which a command writes its result."""

    HEADING: ClassVar[str] = WRITE

    output: str = option(
        "--output",
        default=SCREEN,
        type=click.Path(dir_okay=False, allow_dash=True),
        metavar="FILENAME",
        help="Write to this file, for example table.csv.  [default: the screen]",
    )

    def demand_same_table(self, columns: Sequence[str]) -> None:
        """Raise an error if the output file exists and holds another table.

        A table of the user, such as the ratings of a corpus, would be lost.

        Args:
            columns: first columns of the table that will be written

        Raises:
            OptionError: if the first line of the file has other columns
        """
        if self.output == SCREEN or not os.path.isfile(self.output):
            return
        with open(self.output, encoding="utf-8-sig", errors="replace") as file:
            text = file.read(LONGEST_HEADER).strip()
        first = next(csv.reader(text.splitlines()), [])  # a spreadsheet may quote names
        if text and first[: len(columns)] != [*columns]:
            raise OptionError(
                f"--output {self.output} exists and holds another table; name another "
                f"file, or remove this one"
            )

    @contextmanager
    def open_output(self) -> Iterator[TextIO]:
        """Yield the output file, which is opened at the first write.

        Raises:
            OSError: if it cannot be written; the error names it
        """
        name = "standard output" if self.output == SCREEN else self.output
        file = click.open_file(self.output, "w", encoding="utf-8", lazy=True)
        with named_errors(Path(name)), file as opened:
            yield cast(TextIO, opened)
