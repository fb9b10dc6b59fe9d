"""Records of the commands that read a corpus where it lies."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import click

from affuse.data.options.command_record import Command
from affuse.data.options.option_fields import argument, option
from affuse.data.options.option_types import FOLDER, corpora
from affuse.data.options.shared_options import OutputFile
from affuse.data.records import NATURES


@dataclass(frozen=True, kw_only=True)
class CorpusSource(Command):
    """Which corpus is read from where, and how."""

    corpus: str = argument(type=corpora)
    root: Path | None = argument(default=None)
    name: str = option(
        "--name", default="", help="What to call the corpus in cache and tables."
    )
    nature: str | None = option(
        "--nature",
        default=None,
        type=click.Choice(NATURES),
        help="Said in every table.  [default: what the folder says of itself]",
    )
    columns: tuple[str, ...] = option(
        "--map",
        default=(),
        metavar="ROLE=COLUMN",
        help="manifest: which column is what, e.g. valence=proxy_V; repeatable.",
    )
    scale: tuple[float, float] | None = option(
        "--scale",
        default=None,
        metavar="LOW HIGH",
        help="manifest: lowest and highest rating of the scale; never guessed.",
    )
    table: str | None = option(
        "--table", default=None, help="manifest: which table of the folder."
    )
    dominance: str | None = option(
        "--dominance",
        default=None,
        type=click.Choice(["released", "recomputed"]),
        help="iemocap: the released mean, or one that ignores blank dominance.",
    )


@dataclass(frozen=True, kw_only=True)
class CheckedFacts(Command):
    """What `check` looks at, and how it prints what it finds."""

    as_json: bool = option("--json", default=False, help="Everything, for machines.")
    no_audio: bool = option(
        "--no-audio", default=False, help="Do not open the recordings."
    )


@dataclass(frozen=True, kw_only=True)
class CheckCorpus(CorpusSource, CheckedFacts):
    """Compare a corpus with its published counts."""

    COMMAND: ClassVar[str] = "check"


@dataclass(frozen=True, kw_only=True)
class WriteUtterances(CorpusSource, OutputFile):
    """Write a corpus as CSV."""

    COMMAND: ClassVar[str] = "utterances"


@dataclass(frozen=True, kw_only=True)
class WriteSample(Command):
    """Write a small example of a corpus."""

    COMMAND: ClassVar[str] = "sample"
    corpus: str = argument(type=corpora)
    root: Path = argument(type=FOLDER)
