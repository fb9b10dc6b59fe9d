"""Records of stage two: which designs are trained on what, and how."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import click

from affuse.data import plugins
from affuse.data.options.command_record import Command
from affuse.data.options.option_fields import option
from affuse.data.options.option_types import FOLDER, NOT_NEGATIVE, ONE_OR_MORE
from affuse.data.options.shared_options import (
    CacheChoice,
    ComputeOptions,
    FinetunedFolder,
    RunsFolder,
)
from affuse.data.plugin_kinds import BASELINE_KIND, DESIGN_KIND
from affuse.data.rating_scales import POLICIES


def _designs() -> str:
    """Return the help text of --fusion, which lists what can be trained."""
    names = [*plugins.names(DESIGN_KIND), *plugins.names(BASELINE_KIND)]
    return (
        f"{', '.join(names)}, latemean, lateccc, stacking, zeroshot, or all that the "
        f"caches can feed; repeatable, or several divided by commas, as in "
        f"early,late.  [required without --design]"
    )


@dataclass(frozen=True, kw_only=True)
class DesignOptions(Command):
    """Which designs are trained, on which folds, how often and on which dimensions."""

    designs: tuple[str, ...] = option(
        "--fusion", default=(), metavar="DESIGN", is_list=True, help=_designs
    )
    design_files: tuple[Path, ...] = option(
        "--design",
        default=(),
        metavar="FILE.py",
        help="Train the design that this Python file defines, e.g. product.py, as "
        "well. The file is run. It defines a class Fusion and its MODALITIES, as the "
        "README shows, and the design is called by the file's name; repeatable.",
    )
    protocol: str | None = option(
        "--protocol",
        default=None,
        help="session5, session5-strict, loso, speakers or official.  [default: the "
        "corpus's own]",
    )
    folds: int | None = option(
        "--folds",
        default=None,
        type=click.IntRange(min=3),
        help="Of the speakers protocol.  [default: 5]",
    )
    seeds: int = option(
        "--seeds",
        default=3,
        type=ONE_OR_MORE,
        help="How many; results are means over them.",
    )
    seed: int = option(
        "--seed", default=0, type=NOT_NEGATIVE, help="The first of them."
    )
    reduce: str | None = option(
        "--reduce",
        default=None,
        type=click.Choice(["autoencoder", "pca", "none"]),
        help="How embeddings are made smaller.  [default: autoencoder]",
    )


@dataclass(frozen=True, kw_only=True)
class ParameterBudget(Command):
    """How many parameters each design has."""

    match_parameters: int | None = option(
        "--match-parameters",
        default=None,
        type=ONE_OR_MORE,
        metavar="N",
        help="Choose hidden so that each design has about N trainable parameters.",
    )


@dataclass(frozen=True, kw_only=True)
class SettingOptions(Command):
    """Settings of the training, and rules that it may break."""

    out_of_range: str | None = option(
        "--out-of-range",
        default=None,
        type=click.Choice(POLICIES),
        help="Ratings outside the scale.  [default: clip]",
    )
    experiment: str = option(
        "--experiment",
        default="",
        metavar="NAME_OR_FILE",
        help="Settings that differ from the defaults, e.g. paper.",
    )
    changes: tuple[str, ...] = option(
        "--set",
        default=(),
        metavar="NAME=VALUE",
        help="Any other setting, e.g. latent=64; repeatable.",
    )
    allow: tuple[str, ...] = option(
        "--allow",
        default=(),
        metavar="RULE",
        is_list=True,
        help="A rule of `lint` that may fail, which the run remembers; repeatable.",
    )


@dataclass(frozen=True, kw_only=True)
class MemoryLimit(Command):
    """How much memory embeddings may take."""

    memory: float | None = option(
        "--memory",
        default=None,
        type=click.FloatRange(min=0),
        metavar="GIB",
        help="Embeddings that take more are read from a scratch file instead, in "
        "TMPDIR or the cache.  [default: half the memory]",
    )


@dataclass(frozen=True, kw_only=True)
class TrainingInputs(MemoryLimit, FinetunedFolder, CacheChoice):
    """The embeddings that are trained on."""


@dataclass(frozen=True, kw_only=True)
class FittingOptions(DesignOptions, ParameterBudget, SettingOptions):
    """What is trained, and how."""


@dataclass(frozen=True, kw_only=True)
class Train(FittingOptions, TrainingInputs, ComputeOptions, RunsFolder):
    """Train designs on cached embeddings."""

    COMMAND: ClassVar[str] = "train"


@dataclass(frozen=True, kw_only=True)
class Sweep(DesignOptions, SettingOptions, TrainingInputs, ComputeOptions, RunsFolder):
    """Search settings on validation parts; it searches sizes, so it matches none."""

    COMMAND: ClassVar[str] = "sweep"
    grid: tuple[str, ...] = option(
        "--grid",
        default=(),
        metavar="NAME=VALUE,VALUE",
        help="Values of a setting, e.g. latent=64,128; all combinations are tried.",
    )
    random: int | None = option(
        "--random",
        default=None,
        type=ONE_OR_MORE,
        metavar="N",
        help="Try N draws instead, of lists and of ranges.",
    )
    space: tuple[str, ...] = option(
        "--space",
        default=(),
        metavar="NAME=LOW:HIGH[:log]",
        help="Range of a setting, for --random, e.g. learning_rate=1e-4:1e-2:log.",
    )
    search_seed: int = option(
        "--search-seed", default=0, type=NOT_NEGATIVE, help="Of the draws."
    )
    sweeps: Path = option(
        "--sweeps",
        default=Path("sweeps"),
        type=FOLDER,
        help="Folder of all sweeps.",
    )
