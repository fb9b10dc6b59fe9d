"""Records of the benchmark commands: both stages, fine-tuning and digests."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import click

from affuse.data.options.finetuning_options import (
    JointDesign,
    TrainedLayers,
    TuningPrecision,
)
from affuse.data.options.option_fields import RESOURCES, option
from affuse.data.options.option_types import (
    MODALITY,
    NOT_NEGATIVE,
    ONE_OR_MORE,
    design_names,
    designs,
)
from affuse.data.options.shared_options import ComputeOptions, RunArgument


@dataclass(frozen=True, kw_only=True)
class BenchExtract(ComputeOptions):
    """Measure stage one on random inputs."""

    COMMAND: ClassVar[str] = "bench extract"
    modality: str = option(
        "--modality",
        default="audio",
        type=MODALITY,
        help="Measure the encoder of this modality.",
    )
    size: str | None = option(
        "--size",
        default=None,
        help="Size of the encoder: for audio large12 (as audeering's), "
        "large24, base, small or tiny; for text base, small or "
        "tiny.  [default: large12 for audio, base for text]",
    )
    count: int | None = option(
        "--count",
        default=None,
        type=ONE_OR_MORE,
        help="Encode this number of random inputs.  [default: audio 32 on a "
        "CPU and 2000 on a GPU, text 512 and 20000]",
    )
    rounds: int = option(
        "--rounds",
        default=2,
        type=ONE_OR_MORE,
        help="Measure every compared implementation this many times, in turn; the "
        "fastest time of each counts.",
    )
    seed: int = option(
        "--seed",
        default=0,
        type=NOT_NEGATIVE,
        help="Seed of weights, inputs and their order.",
    )
    dtype: str = option(
        "--dtype",
        default="auto",
        type=click.Choice(["auto", "float32", "bfloat16", "float16"]),
        help="Data type of the encoder's arithmetic. With auto, it is bfloat16 "
        "on devices that are fast in it, and float32 on others.",
    )


@dataclass(frozen=True, kw_only=True)
class BenchDigests(RunArgument):
    """Measure the time that checking the digests of a run takes."""

    COMMAND: ClassVar[str] = "bench digests"
    rounds: int = option(
        "--rounds",
        default=5,
        type=ONE_OR_MORE,
        help="Read the files this many times with their digests and without; the "
        "fastest time of each counts.",
    )


@dataclass(frozen=True, kw_only=True)
class BenchFinetune(
    JointDesign,
    TuningPrecision,
    TrainedLayers,
    ComputeOptions,
):
    """Measure fine-tuning on random utterances."""

    COMMAND: ClassVar[str] = "bench finetune"
    MOVED: ClassVar[Mapping[str, str]] = {"hold": RESOURCES, "checkpointing": RESOURCES}
    model: str = option(
        "--model",
        default="large12",
        metavar="NAME",
        help="Size of the encoders: large12 (as audeering's), large24 or base, "
        "each with a DistilBERT base; small or tiny.",
    )
    batch: int = option(
        "--batch",
        default=8,
        type=ONE_OR_MORE,
        help="Pass this many utterances through the encoders at once, in both "
        "training loops.",
    )
    loss_batch: int | None = option(
        "--loss-batch",
        default=None,
        type=click.IntRange(min=8),
        metavar="N",
        help="Generate this number of utterances, and compute Affuse's loss over "
        "all of them at once.  [default: 128 on a GPU, 16 on a CPU]",
    )
    steps: int = option(
        "--steps",
        default=3,
        type=ONE_OR_MORE,
        help="Time this many optimiser steps of Affuse, and this many passes of the "
        "ordinary loop; the fastest of each counts. One more step before them is "
        "not timed.",
    )
    hold: bool = option(
        "--hold",
        default=False,
        help="Hold the activations of all utterances of the loss in Affuse's "
        "loop.  [default: they are computed twice]",
    )
    checkpointing: bool = option(
        "--checkpointing",
        default=False,
        help="Hold fewer activations, and compute them again for the gradient, in "
        "both training loops (gradient checkpointing).  [default: all activations "
        "are held]",
    )
    seed: int = option(
        "--seed",
        default=0,
        type=NOT_NEGATIVE,
        help="Seed of weights, inputs, order and dropout.",
    )


@dataclass(frozen=True, kw_only=True)
class BenchTrain(ComputeOptions):
    """Measure stage two on random embeddings."""

    COMMAND: ClassVar[str] = "bench train"
    rows: int = option(
        "--rows",
        default=10_000,
        type=click.IntRange(min=300),
        help="Number of random utterances.",
    )
    dims: tuple[int, int] = option(
        "--dims",
        default=(1024, 768),
        type=ONE_OR_MORE,
        metavar="AUDIO TEXT",
        help="Dimensions of the audio and of the text embeddings.",
    )
    models: int = option(
        "--models",
        default=8,
        type=ONE_OR_MORE,
        help="Train this number of models of one design, each with another seed.",
    )
    epochs: int | None = option(
        "--epochs",
        default=None,
        type=ONE_OR_MORE,
        help="Train each model, and autoencoders that are pretrained, for this "
        "number of epochs.  [default: 3; with --table, until early stopping ends "
        "the training]",
    )
    table: bool = option(
        "--table",
        default=False,
        help="Time the training of a whole table instead: the designs audio, text, "
        "early and late, with five folds and five seeds.  [default: one design]",
    )
    fusion: str = option(
        "--fusion",
        default="early",
        type=designs,
        metavar="DESIGN",
        help=lambda: f"Train this fusion design: {design_names()}.",
    )
    reduce: str = option(
        "--reduce",
        default="autoencoder",
        type=click.Choice(["autoencoder", "none"]),
        help="Reduce the dimensions of embeddings by this method.",
    )
    training: str = option(
        "--training",
        default="joint",
        type=click.Choice(["joint", "pretrain"]),
        help="Train the autoencoder jointly with the regressor, or pretrain it.",
    )
    hidden: int = option(
        "--hidden",
        default=128,
        type=ONE_OR_MORE,
        help="Dimensions of the hidden layers of the design.",
    )
    latent: int = option(
        "--latent",
        default=128,
        type=ONE_OR_MORE,
        help="Dimensions that each modality is reduced to.",
    )
    batch: int = option(
        "--batch",
        default=512,
        type=click.IntRange(min=32),
        help="Number of utterances in a batch.",
    )
    rounds: int = option(
        "--rounds",
        default=1,
        type=ONE_OR_MORE,
        help="Measure every compared implementation this many times, in turn; the "
        "fastest time of each counts.",
    )
    seed: int = option(
        "--seed",
        default=0,
        type=NOT_NEGATIVE,
        help="Seed of data, weights, order and dropout.",
    )
