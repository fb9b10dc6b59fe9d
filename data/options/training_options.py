"""Options of stage two: designs, settings and inputs of `train` and `sweep`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import click

from affuse.data import plugins
from affuse.data.corpus_naming import JOINT
from affuse.data.options.command_record import Command
from affuse.data.options.option_fields import READ, RESOURCES, WRITE, option
from affuse.data.options.option_types import FOLDER, NOT_NEGATIVE, ONE_OR_MORE
from affuse.data.options.shared_options import (
    CacheChoice,
    ComputeOptions,
    FinetunedFolder,
    FoldOptions,
    RunsFolder,
)
from affuse.data.plugin_kinds import BASELINE_KIND, DESIGN_KIND
from affuse.data.rating_scales import POLICIES


def _designs() -> str:
    """Return the help text of --fusion, which lists all designs."""
    names = [*plugins.names(DESIGN_KIND), *plugins.names(BASELINE_KIND)]
    return (
        f"Train these fusion designs: {', '.join(names)}, latemean, lateccc, stacking, "
        f"zeroshot, or all, which is every design for which embeddings are cached. "
        f"The option may be repeated, or name several: --fusion early,late.  "
        f"[required without --design]"
    )


@dataclass(frozen=True, kw_only=True)
class DesignOptions(FoldOptions):
    """Designs, folds, seeds and dimensions of a training."""

    designs: tuple[str, ...] = option(
        "--fusion", default=(), metavar="DESIGN", is_list=True, help=_designs
    )
    design_files: tuple[Path, ...] = option(
        "--design",
        default=(),
        metavar="FILE.py",
        help="Train the design that this Python file defines, for example product.py. "
        "The file is run. It defines a class Fusion and its MODALITIES; the design is "
        "called by the file's name. The option may be repeated.",
    )
    seeds: int = option(
        "--seeds",
        default=3,
        type=ONE_OR_MORE,
        help="Train each design with this number of seeds. Results are means "
        "over the seeds.",
    )
    seed: int = option(
        "--seed",
        default=0,
        type=NOT_NEGATIVE,
        help="Train with this seed and the next ones; --seeds is their number.",
    )
    reduce: str | None = option(
        "--reduce",
        default=None,
        type=click.Choice(["autoencoder", "pca", "none"]),
        help="Reduce the dimensions of embeddings by this method.  [default: "
        "autoencoder]",
    )


@dataclass(frozen=True, kw_only=True)
class ParameterBudget(Command):
    """Number of trainable parameters of each design."""

    match_parameters: int | None = option(
        "--match-parameters",
        default=None,
        type=ONE_OR_MORE,
        metavar="N",
        help="Choose the setting hidden so that each design has about N "
        "trainable parameters, for example 100000.  [default: hidden is "
        "the same for all designs]",
    )


@dataclass(frozen=True, kw_only=True)
class SettingOptions(Command):
    """Settings of the training, and rules of `lint` that may fail."""

    out_of_range: str | None = option(
        "--out-of-range",
        default=None,
        type=click.Choice(POLICIES),
        help="Clip ratings outside the scale, keep them, or drop their "
        "utterances.  [default: clip]",
    )
    experiment: str = option(
        "--experiment",
        default="",
        metavar="NAME_OR_FILE",
        help="Take the settings of this experiment: paper, or a TOML "
        "file.  [default: the usual settings]",
    )
    changes: tuple[str, ...] = option(
        "--set",
        default=(),
        metavar="NAME=VALUE",
        help="Change any other setting, for example --set latent=64. The "
        "option may be repeated.",
    )
    allow: tuple[str, ...] = option(
        "--allow",
        default=(),
        metavar="RULE",
        is_list=True,
        help="Train even if this rule of `lint` fails, for example --allow "
        "speakers. The run records it. The option may be "
        "repeated.  [default: no rule may fail]",
    )


@dataclass(frozen=True, kw_only=True)
class MemoryLimit(Command):
    """Limit of the memory that embeddings take."""

    HEADING: ClassVar[str] = RESOURCES

    memory: float | None = option(
        "--memory",
        default=None,
        type=click.FloatRange(min=0),
        metavar="GIB",
        help="Read embeddings from a scratch file, in TMPDIR or in the cache, "
        "if they take more than this many gibibytes.  [default: half the "
        "memory]",
    )


@dataclass(frozen=True, kw_only=True)
class TrainingInputs(MemoryLimit, FinetunedFolder, CacheChoice):
    """Embeddings on which designs are trained."""

    HEADING: ClassVar[str] = READ

    corpus: str = option(
        "--corpus",
        default="",
        metavar="NAME",
        joint=JOINT,
        help="Train on this corpus of the cache, for example demo. Repeat the option "
        "to train on several corpora together, as in --corpus demo --corpus emodb. It "
        "may be left out if the cache holds one corpus.",
    )


@dataclass(frozen=True, kw_only=True)
class FittingOptions(DesignOptions, ParameterBudget, SettingOptions):
    """Designs and settings of a training."""


@dataclass(frozen=True, kw_only=True)
class OtherCorpora(Command):
    """Other corpora that the trained models are tested with."""

    HEADING: ClassVar[str] = READ

    test_corpus: tuple[str, ...] = option(
        "--test-corpus",
        default=(),
        metavar="NAME",
        help="Also test the trained models with this corpus of the cache, for example "
        "emodb. Utterances whose recording, sentence or speaker is in training or "
        "validation are left out. `report` shows a matrix of training sets and test "
        "corpora. The option may be repeated.  [default: no other corpus]",
    )


@dataclass(frozen=True, kw_only=True)
class Train(FittingOptions, OtherCorpora, TrainingInputs, ComputeOptions, RunsFolder):
    """Options of `train`: train designs on cached embeddings."""

    COMMAND: ClassVar[str] = "train"


@dataclass(frozen=True, kw_only=True)
class Sweep(DesignOptions, SettingOptions, TrainingInputs, ComputeOptions, RunsFolder):
    """Options of `sweep`: search settings by their score on validation parts.

    A sweep may search sizes, so it has no option to match numbers of parameters.
    """

    COMMAND: ClassVar[str] = "sweep"
    MOVED: ClassVar[Mapping[str, str]] = {"sweeps": WRITE}
    grid: tuple[str, ...] = option(
        "--grid",
        default=(),
        metavar="NAME=VALUE,VALUE",
        help="Try these values of a setting, for example --grid latent=64,128. "
        "All combinations are tried. The option may be repeated.",
    )
    random: int | None = option(
        "--random",
        default=None,
        type=ONE_OR_MORE,
        metavar="N",
        help="Draw N settings at random, instead of trying all "
        "combinations.  [default: all combinations]",
    )
    space: tuple[str, ...] = option(
        "--space",
        default=(),
        metavar="NAME=LOW:HIGH[:log]",
        help="Draw a setting from this range, for example --space "
        "learning_rate=1e-4:1e-2:log. It needs --random, and may be "
        "repeated.",
    )
    search_seed: int = option(
        "--search-seed",
        default=0,
        type=NOT_NEGATIVE,
        help="Seed of the random draws of settings.",
    )
    sweeps: Path = option(
        "--sweeps",
        default=Path("sweeps"),
        type=FOLDER,
        help="Folder of all sweeps.",
    )
