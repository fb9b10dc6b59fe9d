"""Records of the commands that apply or examine trained models."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import click

from affuse.data.options.command_record import Command
from affuse.data.options.option_fields import argument, option
from affuse.data.options.option_types import FOLDER, NOT_NEGATIVE, SHARE
from affuse.data.options.shared_options import (
    CacheChoice,
    CacheOption,
    ComputeOptions,
    OutputFile,
    RunArgument,
    RunsFolder,
)


@dataclass(frozen=True, kw_only=True)
class RunDesignFiles(Command):
    """The files that define the designs of runs which `train --design` made."""

    design_files: tuple[Path, ...] = option(
        "--design",
        default=(),
        metavar="FILE.py",
        help="Run this Python file, which defines the design of a run that was trained "
        "with --design; repeatable. The path that a run records is only shown: without "
        "this option no code is run, and models of such a run cannot be used.",
    )


@dataclass(frozen=True, kw_only=True)
class RunInput(RunArgument, CacheChoice, RunDesignFiles):
    """A run, and the cached embeddings that its models are applied to."""


@dataclass(frozen=True, kw_only=True)
class CalibratedColumns(Command):
    """Whether calibrated predictions are written too."""

    calibrated: bool = option(
        "--calibrated",
        default=False,
        help="Add what `calibrate` learnt: mapped, low, high.",
    )


@dataclass(frozen=True, kw_only=True)
class Predict(RunInput, CalibratedColumns, ComputeOptions, OutputFile):
    """Predict cached utterances."""

    COMMAND: ClassVar[str] = "predict"


@dataclass(frozen=True, kw_only=True)
class Ablate(RunInput, ComputeOptions):
    """Say what each modality contributes."""

    COMMAND: ClassVar[str] = "ablate"
    seed: int = option(
        "--seed", default=0, type=NOT_NEGATIVE, help="Of the permutations."
    )


@dataclass(frozen=True, kw_only=True)
class IntervalOptions(Command):
    """Which intervals a calibration learns."""

    level: float = option(
        "--level",
        default=0.9,
        type=SHARE,
        help="Share of ratings that an interval shall hold.",
    )
    by: str = option(
        "--by",
        default="auto",
        type=click.Choice(["auto", "utterance", "speaker"]),
        help="What is exchangeable: speakers, for new speakers, where there are enough "
        "of them to validate on; else utterances.",
    )


@dataclass(frozen=True, kw_only=True)
class Calibrate(RunArgument, IntervalOptions, CacheOption, OutputFile):
    """Calibrate the predictions of a run."""

    COMMAND: ClassVar[str] = "calibrate"


@dataclass(frozen=True, kw_only=True)
class Lint(RunDesignFiles, CacheOption, RunsFolder):
    """Look for leaks in runs."""

    COMMAND: ClassVar[str] = "lint"
    folders: tuple[Path, ...] = argument(default=(), type=FOLDER, metavar="[RUN]...")
    as_list: bool = option("--list", default=False, help="Explain the rules instead.")
    as_json: bool = option("--json", default=False, help="Everything, for machines.")


@dataclass(frozen=True, kw_only=True)
class Verify(CacheOption, RunsFolder):
    """Check caches and runs against the digests of their files."""

    COMMAND: ClassVar[str] = "verify"
    folders: tuple[Path, ...] = argument(default=(), type=FOLDER, metavar="[FOLDER]...")
