"""Python functions for the commands ``affuse train`` and ``affuse report``."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from affuse.data.errors import OptionError
from affuse.data.options.command_record import merge_values
from affuse.data.options.report_options import Report
from affuse.data.options.training_options import Train
from affuse.data.terminal import print_line
from affuse.fuse.commands import report_command, training_commands
from affuse.fuse.reporting.table_records import ReportTable


@dataclass(frozen=True)
class CCCTable:
    """Tables of a report; ``print`` shows the output of ``affuse report``."""

    # One for each corpus, kind of ratings and protocol. The last one is the matrix of
    # training sets and test corpora, if there is one.
    tables: tuple[ReportTable, ...]

    def __str__(self) -> str:
        """Return the tables as ``affuse report`` prints them."""
        return report_command.render(self.tables, "text").rstrip("\n")

    def __iter__(self) -> Iterator[ReportTable]:
        """Return an iterator over the tables."""
        return iter(self.tables)

    def render(self, form: str) -> str:
        """Return the tables in a format.

        Args:
            form: text, markdown, csv, json, latex, or a format of a plug-in
        """
        return report_command.render(self.tables, form)


def train_designs(
    fusion: str | Sequence[str],
    *,
    corpus: str | Sequence[str] = "",
    seeds: int | None = 3,
    cache: str | PathLike[str] = "cache",
    runs: str | PathLike[str] = "runs",
    say: Callable[[str], object] = print_line,
    **options: Any,
) -> dict[str, Path]:
    """Train designs on every fold and seed, as the command ``affuse train`` does.

    Finished models are not trained again.

    Args:
        fusion: name of a design, or several; () for the designs of the option
            ``design_files`` alone, which names Python files to execute
        corpus: its name in the cache, or several names to train on all together; "" if
            there is only one
        seeds: number of seeds, from 0; None for the default of the command, 3
        cache: folder of all caches
        runs: folder of all runs
        say: is called with each line that the command would print
        options: other options of the command by the names of their flags, with
            underscores, such as ``test_corpus="emodb"``. An option with NAME=VALUE
            pairs takes a mapping, such as ``set={"latent": 64}``

    Returns:
        the run folder of each design

    Raises:
        AffuseError: if an option or design is unknown, the corpus cannot be used, or a
            training fails; all other models are finished and saved first
        FileNotFoundError: if nothing is cached
    """
    named = {
        "designs": (fusion,) if isinstance(fusion, str) else tuple(fusion),
        "corpus": corpus,
        "seeds": seeds,
        "cache": cache,
        "runs": runs,
    }
    chosen = Train.from_values(**merge_values(named, options))
    if not (chosen.designs or chosen.design_files):
        raise OptionError("there is no design to train; name one, such as 'early'")
    return training_commands.train(say, chosen)


def ccc_table(runs: str | PathLike[str] = "runs", **options: Any) -> CCCTable:
    """Return the CCC table of finished runs, as the command ``affuse report`` does.

    Args:
        runs: folder of all runs
        options: other options of the command by the names of their flags, with
            underscores, such as ``corpus="demo"``, ``pairs=True`` or ``by="gender"``.
            For ``format`` and ``output``, use `CCCTable.render` and write its text

    Raises:
        AffuseError: if no run can be shown
    """
    if beside := sorted(options.keys() & {"form", "format", "output"}):
        raise OptionError(
            f"{beside[0]!r} does not apply here; print the table, or use render, such "
            f"as ccc_table().render('markdown')"
        )
    chosen = Report.from_values(**merge_values({"runs": runs}, options))
    return CCCTable(report_command.collect(chosen.runs, chosen))
