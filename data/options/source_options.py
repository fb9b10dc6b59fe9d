"""Options of the commands that read a corpus: `check`, `utterances`, `sample`."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import click

from affuse.data.options.command_record import Command
from affuse.data.options.option_fields import READ, SHOW, argument, option
from affuse.data.options.option_types import FOLDER, ONE_OR_MORE, corpora
from affuse.data.options.output_options import OutputFile
from affuse.data.records import NATURES


@dataclass(frozen=True, kw_only=True)
class TableColumns(Command):
    """Columns and scale of a table of the user."""

    HEADING: ClassVar[str] = READ

    columns: tuple[str, ...] = option(
        "--map",
        default=(),
        metavar="ROLE=COLUMN",
        help="Read a role from this column of a manifest, for example --map "
        "valence=proxy_V. A rating may have a column for each rater, as in "
        "valence=a1_V,a2_V,a3_V; it is then their mean. The option may be "
        "repeated.  [default: columns are recognised by their names]",
    )
    scale: tuple[float, float] | None = option(
        "--scale",
        default=None,
        metavar="LOW HIGH",
        help="Lowest and highest rating of a manifest's scale, for example "
        "--scale 1 5. The scale is never guessed: it must be given here or "
        "in the corpus.",
    )
    recordings: Path | None = option(
        "--recordings",
        default=None,
        type=FOLDER,
        help="Folder of the recordings that a manifest names, for example "
        "--recordings /data/clips. No file outside this folder is "
        "opened.  [default: the folder of the table]",
    )


@dataclass(frozen=True, kw_only=True)
class CorpusSource(TableColumns):
    """Reader, folder and other options with which a corpus is read."""

    HEADING: ClassVar[str] = READ

    corpus: str = argument(type=corpora)
    root: Path | None = argument(default=None)
    name: str = option(
        "--name",
        default="",
        help="Call the corpus by this name in the cache and in "
        "tables.  [default: the name that the reader gives it]",
    )
    nature: str | None = option(
        "--nature",
        default=None,
        type=click.Choice(NATURES),
        help="Label every table with this kind of ratings.  [default: the kind "
        "that the corpus states]",
    )
    table: str | None = option(
        "--table",
        default=None,
        help="Read this table in the folder of a manifest, for example labels.csv. "
        "It may be left out if the folder has one table.",
    )
    dominance: str | None = option(
        "--dominance",
        default=None,
        type=click.Choice(["released", "recomputed"]),
        help="Take IEMOCAP's dominance as released, or recompute the mean "
        "without listeners that left it blank.  [default: released]",
    )


@dataclass(frozen=True, kw_only=True)
class CheckCorpus(CorpusSource):
    """Options of `check`: compare a corpus with its published counts."""

    COMMAND: ClassVar[str] = "check"
    HEADING: ClassVar[str] = SHOW
    as_json: bool = option(
        "--json",
        default=False,
        help="Print all results as JSON, for programs.  [default: a summary in words]",
    )
    no_audio: bool = option(
        "--no-audio",
        default=False,
        help="Do not open the recordings, which is faster.  [default: every "
        "recording is opened]",
    )


@dataclass(frozen=True, kw_only=True)
class WriteUtterances(CorpusSource, OutputFile):
    """Options of `utterances`: write a corpus as CSV."""

    COMMAND: ClassVar[str] = "utterances"


@dataclass(frozen=True, kw_only=True)
class WriteSample(Command):
    """Options of `sample`: write a small example of a corpus."""

    COMMAND: ClassVar[str] = "sample"
    HEADING: ClassVar[str] = READ
    corpus: str = argument(type=corpora)
    root: Path = argument(type=FOLDER)


@dataclass(frozen=True, kw_only=True)
class ListCorpora(Command):
    """Options of `corpora`: list the corpus readers."""

    COMMAND: ClassVar[str] = "corpora"
    HEADING: ClassVar[str] = SHOW
    as_json: bool = option(
        "--json",
        default=False,
        help="Print the list as JSON, for programs.  [default: a list in words]",
    )


@dataclass(frozen=True, kw_only=True)
class BenchReading(Command):
    """Options of `bench reading`: measure how long a corpus takes to read."""

    COMMAND: ClassVar[str] = "bench reading"
    turns: int = option(
        "--turns",
        default=100_000,
        type=ONE_OR_MORE,
        help="Generate a release with this number of turns.",
    )
    rounds: int = option(
        "--rounds",
        default=3,
        type=ONE_OR_MORE,
        help="Measure every reading this many times; the fastest one counts.",
    )
