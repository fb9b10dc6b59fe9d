"""Records of the report: which runs it shows, and what it says of them."""

from dataclasses import dataclass
from typing import ClassVar

import click

from affuse.data.options.command_record import Command
from affuse.data.options.option_fields import option
from affuse.data.options.option_types import formats
from affuse.data.options.shared_options import OutputFile, RunsFolder


@dataclass(frozen=True, kw_only=True)
class RunSelection(Command):
    """Which runs a report shows; what is empty wants all."""

    corpus: str = option("--corpus", default="", help="Only this corpus.")
    protocol: str = option("--protocol", default="", help="Only this protocol.")
    run: tuple[str, ...] = option(
        "--run",
        default=(),
        metavar="NAME",
        help="Show only the run of this folder name, or of this unique beginning of "
        "it; repeatable.",
    )
    design: tuple[str, ...] = option(
        "--design",
        default=(),
        metavar="DESIGN",
        is_list=True,
        help="Show only runs of this design; repeatable, or several divided by commas.",
    )
    audio: tuple[str, ...] = option(
        "--audio",
        default=(),
        metavar="CHECKPOINT",
        help="Of runs that take audio, show only those on this checkpoint, or on this "
        "commit of it; repeatable.",
    )
    text: tuple[str, ...] = option(
        "--text", default=(), metavar="CHECKPOINT", help="The same for text."
    )

    @property
    def narrows(self) -> bool:
        """Return True if rows of one table may be left out."""
        return bool(self.run or self.design or self.audio or self.text)


@dataclass(frozen=True, kw_only=True)
class ReportFormat(Command):
    """The format of a report."""

    form: str = option(
        "--format",
        default="text",
        type=formats,
    )


@dataclass(frozen=True, kw_only=True)
class TableContents(Command):
    """What the tables of a report show."""

    against: str = option(
        "--against",
        default="",
        metavar="DESIGN",
        help="Compare all other rows with this one.  [default: fusion with the best "
        "single modality]",
    )
    pairs: bool = option(
        "--pairs", default=False, help="Compare every two rows, corrected by Holm."
    )
    unit: str | None = option(
        "--unit",
        default=None,
        type=click.Choice(["dialogue", "speaker", "recording", "utterance"]),
        help="What intervals and tests take to be independent.  [default: dialogue, "
        "else speaker, recording, utterance; speaker where dialogues lie within "
        "speakers that the folds keep apart]",
    )
    by: str = option(
        "--by",
        default="",
        metavar="COLUMN",
        help="Score the groups of a column of the corpus apart: gender, speaker, "
        "session, dialogue, or a column that the corpus's table has, e.g. language. "
        "Improvised, scripted and new sentences always are, where they are known.",
    )
    columns: str = option(
        "--columns",
        default="",
        metavar="NAMES",
        help="Show other measures too, divided by commas, e.g. rmse,mae,pearson.",
    )
    ensemble: bool = option(
        "--ensemble",
        default=False,
        help="Add a row for each run with several seeds: the mean of their "
        "predictions.",
    )
    split: bool = option(
        "--split",
        default=False,
        help="Show correlation, scale and location, of which each CCC is made.",
    )
    mapped: bool = option(
        "--mapped",
        default=False,
        help="Add a row for each network after the affine map of highest CCC, fitted "
        "on its validation predictions. Without it, the network of highest validation "
        "CCC gets one if the table has a mapped baseline.",
    )


@dataclass(frozen=True, kw_only=True)
class ReportContents(RunSelection, TableContents):
    """Which runs a report shows, and what it says of them."""


@dataclass(frozen=True, kw_only=True)
class Report(ReportContents, ReportFormat, OutputFile, RunsFolder):
    """Print the table."""

    COMMAND: ClassVar[str] = "report"
