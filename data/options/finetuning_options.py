"""Records of fine-tuning encoders together with a design."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import click

from affuse.data.options.command_record import Command
from affuse.data.options.extraction_options import CheckpointChoice
from affuse.data.options.option_fields import option
from affuse.data.options.option_types import FOLDER, NOT_NEGATIVE, ONE_OR_MORE, designs
from affuse.data.options.shared_options import ComputeOptions
from affuse.data.options.source_options import CorpusSource


@dataclass(frozen=True, kw_only=True)
class TunedFolds(Command):
    """The design that encoders are fine-tuned with, and on which folds."""

    fusion: str = option(
        "--fusion",
        default="early",
        type=designs,
        help="The design that is trained along.",
    )
    protocol: str | None = option(
        "--protocol",
        default=None,
        help="session5, session5-strict, loso, speakers or official.  [default: the "
        "corpus's own]",
    )
    fold: str = option(
        "--fold",
        default="all",
        metavar="NAME",
        help="One of the protocol's, or all of them in turn.",
    )
    folds: int | None = option(
        "--folds",
        default=None,
        type=click.IntRange(min=3),
        help="Of the speakers protocol.  [default: 5]",
    )


@dataclass(frozen=True, kw_only=True)
class TuningExperiment(Command):
    """The settings that fine-tuning begins with, and what changes them."""

    experiment: str = option(
        "--experiment",
        default="finetune",
        metavar="NAME_OR_FILE",
        help="Settings that differ from the defaults, e.g. paper.",
    )
    changes: tuple[str, ...] = option(
        "--set",
        default=(),
        metavar="NAME=VALUE",
        help="A setting of the head and its training, e.g. epochs=4 or batch=256; "
        "repeatable.",
    )
    audio_rate: float | None = option(
        "--audio-rate",
        default=None,
        help="Learning rate of the speech encoder.  [default: the experiment's; 5e-4 "
        "with --adapters]",
    )
    text_rate: float | None = option(
        "--text-rate",
        default=None,
        help="Learning rate of the text encoder.  [default: the experiment's; 5e-4 "
        "with --adapters]",
    )
    warmup: float | None = option(
        "--warmup",
        default=None,
        help="Share of the steps in which rates rise.  [default: the experiment's]",
    )
    averaging: float | None = option(
        "--averaging",
        default=None,
        metavar="EPOCHS",
        help="Score and keep the mean of the weights over about so many epochs, "
        "e.g. 0.5; 0 for the weights as they are.  [default: the experiment's]",
    )


@dataclass(frozen=True, kw_only=True)
class TrainedLayers(Command):
    """How many layers of the encoders are trained."""

    layers_trained: int | None = option(
        "--layers-trained",
        default=None,
        type=NOT_NEGATIVE,
        metavar="N",
        help="Train only the N highest blocks.  [default: everything but the "
        "convolutions]",
    )


@dataclass(frozen=True, kw_only=True)
class TunedWeights(Command):
    """Which other weights are trained, and on how much of an utterance."""

    adapters: int | None = option(
        "--adapters",
        default=None,
        type=NOT_NEGATIVE,
        metavar="RANK",
        help="Train low-rank adapters (LoRA) of the blocks in place of their weights; "
        "8 is usual, 0 is none.  [default: the experiment's, none]",
    )
    convolutions: bool | None = option(
        "--convolutions/--no-convolutions",
        default=None,
        help="Train the convolutions of speech encoders as well.  [default: frozen]",
    )
    max_seconds: float | None = option(
        "--max-seconds",
        default=None,
        help="Of an utterance that are heard.  [default: 30]",
    )
    batch: int = option(
        "--batch",
        default=8,
        type=ONE_OR_MORE,
        help="Utterances that go through the encoders at once; less memory, the same "
        "gradient. The batch of the loss is --set batch=...",
    )
    hold: bool = option(
        "--hold",
        default=False,
        help="Hold the activations of a whole batch of the loss instead of computing "
        "them twice: a quarter of the work less, the same gradient.",
    )
    checkpointing: bool = option(
        "--checkpointing",
        default=False,
        help="Hold fewer activations, and compute them once more.",
    )


@dataclass(frozen=True, kw_only=True)
class TuningPrecision(Command):
    """The data type that encoders are fine-tuned in."""

    dtype: str = option(
        "--dtype",
        default="auto",
        type=click.Choice(["auto", "float32", "bfloat16"]),
        help="Of the encoders' arithmetic; auto: bfloat16 on GPUs that have it.",
    )


@dataclass(frozen=True, kw_only=True)
class TunedOutput(Command):
    """The seed of a fine-tuning, and where it is kept."""

    seed: int = option(
        "--seed",
        default=0,
        type=NOT_NEGATIVE,
        help="Of first weights, order and dropout.",
    )
    output: Path = option(
        "--output",
        default=Path("finetuned"),
        type=FOLDER,
        help="Folder of all fine-tuned checkpoints.",
    )


@dataclass(frozen=True, kw_only=True)
class Finetune(
    CorpusSource,
    TunedFolds,
    CheckpointChoice,
    TuningExperiment,
    TrainedLayers,
    TunedWeights,
    TuningPrecision,
    TunedOutput,
    ComputeOptions,
):
    """Fine-tune encoders together with a design."""

    COMMAND: ClassVar[str] = "finetune"
