"""Training of designs and the CCC table from Python, as the commands of those names."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from affuse.data.errors import OptionError
from affuse.data.options.command_record import disjoint
from affuse.data.options.report_options import Report
from affuse.data.options.training_options import Train
from affuse.data.terminal import say as print_line
from affuse.fuse.commands import report_command, training_commands
from affuse.fuse.reporting.table_records import ReportTable


@dataclass(frozen=True)
class CCCTable:
    """All tables of a report; ``print`` shows what ``affuse report`` shows."""

    tables: tuple[ReportTable, ...]  # one for each corpus, kind of ratings and protocol

    def __str__(self) -> str:
        return report_command.render(self.tables, "text").rstrip("\n")

    def __iter__(self) -> Iterator[ReportTable]:
        return iter(self.tables)

    def render(self, form: str) -> str:
        """Return the tables in a format, such as text, markdown, csv, json or latex."""
        return report_command.render(self.tables, form)


def train_designs(
    fusion: str | Sequence[str],
    *,
    corpus: str = "",
    seeds: int = 1,
    cache: str | PathLike[str] = "cache",
    runs: str | PathLike[str] = "runs",
    say: Callable[[str], object] = print_line,
    **options: Any,
) -> dict[str, Path]:
    """Train designs on every fold and seed, as the command ``affuse train`` does.

    Models that are finished already are kept.

    Args:
        fusion: name of a design, or several; () for those of ``design_files`` alone,
            files that define designs and are run
        corpus: its name in the cache; "" if there is only one
        seeds: how many, from 0
        cache: folder of all caches
        runs: folder of all runs
        say: is called with each line that the command would print
        options: other options of the command with underscores, such as
            ``protocol="speakers"`` or ``changes=("latent=64",)`` for ``--set``

    Returns:
        the run folder of each design

    Raises:
        AffuseError: if an option or design is unknown, the corpus cannot be used, or a
            training fails; all other models are finished first, and stay
        FileNotFoundError: if nothing is cached
    """
    given = {
        "designs": (fusion,) if isinstance(fusion, str) else tuple(fusion),
        "corpus": corpus,
        "seeds": seeds,
        "cache": cache,
        "runs": runs,
    }
    chosen = Train.from_values(**disjoint(given, options))
    if not (chosen.designs or chosen.design_files):
        raise OptionError("there is no design to train; name one, such as 'early'")
    return training_commands.train(say, chosen)


def ccc_table(runs: str | PathLike[str] = "runs", **options: Any) -> CCCTable:
    """Return the CCC table of finished runs, as the command ``affuse report`` does.

    Args:
        runs: folder of all runs
        options: other options of the command with underscores, such as
            ``corpus="demo"``, ``pairs=True`` or ``by="gender"``

    Raises:
        AffuseError: if there is no run that can be shown
    """
    chosen = Report.from_values(**disjoint({"runs": runs}, options))
    if beside := sorted(options.keys() & {"form", "output"}):
        raise OptionError(f"{beside[0]!r} is none of the table; use render or print")
    return CCCTable(report_command.collect(chosen.runs, chosen))
