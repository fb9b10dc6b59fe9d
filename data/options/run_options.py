"""Options of `ablate`, `calibrate`, `lint` and `verify`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import click

from affuse.data.options.command_record import Command
from affuse.data.options.option_fields import READ, SHOW, argument, option
from affuse.data.options.option_types import FOLDER, NOT_NEGATIVE, SHARE
from affuse.data.options.output_options import OutputFile
from affuse.data.options.shared_options import (
    CacheChoice,
    CacheOption,
    ComputeOptions,
    RunArgument,
    RunsFolder,
)


@dataclass(frozen=True, kw_only=True)
class RunDesignFiles(Command):
    """Python files of the designs of runs that were trained with `--design`."""

    HEADING: ClassVar[str] = READ

    design_files: tuple[Path, ...] = option(
        "--design",
        default=(),
        metavar="FILE.py",
        help="Run this Python file, which defines the design of a run that was trained "
        "with --design. The option may be repeated. The path that a run records is "
        "only shown: without this option no code is run, and models of such a run "
        "cannot be used.",
    )


@dataclass(frozen=True, kw_only=True)
class RunInput(RunArgument, CacheChoice, RunDesignFiles):
    """Run, and the cached embeddings to which its models are applied."""


@dataclass(frozen=True, kw_only=True)
class Ablate(RunInput, ComputeOptions):
    """Options of `ablate`: measure what each modality contributes."""

    COMMAND: ClassVar[str] = "ablate"
    seed: int = option(
        "--seed",
        default=0,
        type=NOT_NEGATIVE,
        help="Seed of the permutations of a modality.",
    )


@dataclass(frozen=True, kw_only=True)
class Calibrate(RunArgument, CacheOption, OutputFile):
    """Options of `calibrate`: calibrate the predictions of a run."""

    COMMAND: ClassVar[str] = "calibrate"
    level: float = option(
        "--level",
        default=0.9,
        type=SHARE,
        help="Share of the ratings that the intervals must contain, for example 0.8.",
    )
    by: str = option(
        "--by",
        default="auto",
        type=click.Choice(["auto", "utterance", "speaker"]),
        help="Treat speakers or utterances as exchangeable. Intervals by "
        "speaker hold for new speakers. With auto, speakers are exchangeable if "
        "each validation part has enough of them, and utterances otherwise.",
    )


@dataclass(frozen=True, kw_only=True)
class Lint(RunDesignFiles, CacheOption, RunsFolder):
    """Options of `lint`: search runs for leaks."""

    COMMAND: ClassVar[str] = "lint"
    HEADING: ClassVar[str] = SHOW
    MOVED: ClassVar[Mapping[str, str]] = {"runs": READ}
    folders: tuple[Path, ...] = argument(default=(), type=FOLDER, metavar="[RUN]...")
    as_list: bool = option(
        "--list",
        default=False,
        help="Only explain the rules.  [default: runs are checked]",
    )
    as_json: bool = option(
        "--json",
        default=False,
        help="Print all results as JSON, for programs.  [default: a summary in words]",
    )


@dataclass(frozen=True, kw_only=True)
class Verify(CacheOption, RunsFolder):
    """Options of `verify`: compare the files of caches and runs with their digests."""

    COMMAND: ClassVar[str] = "verify"
    MOVED: ClassVar[Mapping[str, str]] = {"runs": READ}
    folders: tuple[Path, ...] = argument(default=(), type=FOLDER, metavar="[FOLDER]...")
