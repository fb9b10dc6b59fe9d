"""Options of `finetune`, which trains encoders together with a fusion design."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import click

from affuse.data.options.command_record import Command
from affuse.data.options.extraction_options import CheckpointChoice
from affuse.data.options.option_fields import RESOURCES, WRITE, option
from affuse.data.options.option_types import (
    FOLDER,
    NOT_NEGATIVE,
    ONE_OR_MORE,
    design_names,
    designs,
)
from affuse.data.options.shared_options import ComputeOptions, FoldOptions
from affuse.data.options.source_options import CorpusSource


@dataclass(frozen=True, kw_only=True)
class JointDesign(Command):
    """Fusion design that is trained jointly with the encoders."""

    fusion: str = option(
        "--fusion",
        default="early",
        type=designs,
        metavar="DESIGN",
        help=lambda: (
            f"Train this fusion design together with the encoders: {design_names()}."
        ),
    )


@dataclass(frozen=True, kw_only=True)
class TrainedLayers(Command):
    """Number of encoder layers to train."""

    layers_trained: int | None = option(
        "--layers-trained",
        default=None,
        type=NOT_NEGATIVE,
        metavar="N",
        help="Train only the N highest transformer layers of each "
        "encoder.  [default: everything but the convolutions]",
    )


@dataclass(frozen=True, kw_only=True)
class TuningPrecision(Command):
    """Data type of the arithmetic in fine-tuning."""

    dtype: str = option(
        "--dtype",
        default="auto",
        type=click.Choice(["auto", "float32", "bfloat16"]),
        help="Data type of the encoders' arithmetic. With auto, it is bfloat16 "
        "on GPUs that have it, and float32 elsewhere.",
    )


@dataclass(frozen=True, kw_only=True)
class Finetune(
    CorpusSource,
    CheckpointChoice,
    JointDesign,
    FoldOptions,
    TrainedLayers,
    TuningPrecision,
    ComputeOptions,
):
    """Options of `finetune`: fine-tune encoders jointly with a design."""

    COMMAND: ClassVar[str] = "finetune"
    MOVED: ClassVar[Mapping[str, str]] = {
        "output": WRITE,
        "hold": RESOURCES,
        "checkpointing": RESOURCES,
        "batch": RESOURCES,
    }
    fold: str = option(
        "--fold",
        default="all",
        metavar="NAME",
        help="Fine-tune only on this fold of the protocol, for example "
        "session5. With all, every fold is fine-tuned in turn.",
    )
    experiment: str = option(
        "--experiment",
        default="finetune",
        metavar="NAME_OR_FILE",
        help="Take the settings of this experiment: paper, finetune, or a TOML file.",
    )
    changes: tuple[str, ...] = option(
        "--set",
        default=(),
        metavar="NAME=VALUE",
        help="Change a setting of the head and its training, for example --set "
        "epochs=4 or --set batch=256. The option may be "
        "repeated.  [default: the experiment's settings]",
    )
    audio_rate: float | None = option(
        "--audio-rate",
        default=None,
        help="Learning rate of the speech encoder, for example "
        "1e-5.  [default: the experiment's; 5e-4 with --adapters]",
    )
    text_rate: float | None = option(
        "--text-rate",
        default=None,
        help="Learning rate of the text encoder.  [default: the experiment's; "
        "5e-4 with --adapters]",
    )
    warmup: float | None = option(
        "--warmup",
        default=None,
        help="Share of the optimiser steps in which learning rates rise, for example "
        "0.1.  [default: the experiment's]",
    )
    averaging: float | None = option(
        "--averaging",
        default=None,
        metavar="EPOCHS",
        help="Evaluate and keep an exponential moving average (EMA) of the "
        "weights over about this many epochs, for example 0.5; 0 keeps "
        "the weights as they are.  [default: the experiment's]",
    )
    adapters: int | None = option(
        "--adapters",
        default=None,
        type=NOT_NEGATIVE,
        metavar="RANK",
        help="Train low-rank adapters (LoRA) of this rank instead of the "
        "weights, for example 8; 0 trains the weights.  [default: the "
        "experiment's, 0]",
    )
    convolutions: bool | None = option(
        "--convolutions/--no-convolutions",
        default=None,
        help="Train the convolutions of speech encoders too, or freeze "
        "them.  [default: the experiment's, frozen]",
    )
    max_seconds: float | None = option(
        "--max-seconds",
        default=None,
        help="Truncate each utterance to its first seconds, for example "
        "10.  [default: 30]",
    )
    batch: int = option(
        "--batch",
        default=8,
        type=ONE_OR_MORE,
        help="Pass this many utterances through the encoders at once. A "
        "smaller number needs less memory and gives the same gradient. "
        "The batch of the loss is another setting: --set batch=256.",
    )
    hold: bool = option(
        "--hold",
        default=False,
        help="Hold the activations of a whole batch of the loss instead of "
        "computing them twice. It saves a quarter of the arithmetic, "
        "needs more memory and gives the same gradient.  [default: they "
        "are computed twice]",
    )
    checkpointing: bool = option(
        "--checkpointing",
        default=False,
        help="Hold fewer activations, and compute them again for the gradient "
        "(gradient checkpointing).  [default: all activations are held]",
    )
    seed: int = option(
        "--seed",
        default=0,
        type=NOT_NEGATIVE,
        help="Seed of initial weights, order and dropout.",
    )
    output: Path = option(
        "--output",
        default=Path("finetuned"),
        type=FOLDER,
        help="Folder of all fine-tuned checkpoints.",
    )
