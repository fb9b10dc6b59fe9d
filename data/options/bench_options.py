"""Records of the benches: of both stages, of fine-tuning and of digests."""

from dataclasses import dataclass
from typing import ClassVar

import click

from affuse.data.options.command_record import Command
from affuse.data.options.finetuning_options import TrainedLayers, TuningPrecision
from affuse.data.options.option_fields import option
from affuse.data.options.option_types import (
    MODALITY,
    NOT_NEGATIVE,
    ONE_OR_MORE,
    designs,
)
from affuse.data.options.shared_options import ComputeOptions, RunArgument


@dataclass(frozen=True, kw_only=True)
class BenchExtract(ComputeOptions):
    """Measure stage one on random inputs."""

    COMMAND: ClassVar[str] = "bench extract"
    modality: str = option("--modality", default="audio", type=MODALITY)
    size: str | None = option(
        "--size",
        default=None,
        help="audio: large12 (as audeering's; the default), large24, base, small or "
        "tiny; text: base (the default), small or tiny.",
    )
    count: int | None = option(
        "--count", default=None, type=ONE_OR_MORE, help="Inputs.  [default: by device]"
    )
    rounds: int = option(
        "--rounds",
        default=2,
        type=ONE_OR_MORE,
        help="Of all ways in turn; the fastest counts.",
    )
    seed: int = option(
        "--seed",
        default=0,
        type=NOT_NEGATIVE,
        help="Of weights, inputs and the random order.",
    )
    dtype: str = option(
        "--dtype",
        default="auto",
        type=click.Choice(["auto", "float32", "bfloat16", "float16"]),
        help="Of the computation; auto: bfloat16 where the device is fast in it, which "
        "is recorded and makes another cache than float32.",
    )


@dataclass(frozen=True, kw_only=True)
class BenchDigests(RunArgument):
    """Measure what the digests of a run cost."""

    COMMAND: ClassVar[str] = "bench digests"
    rounds: int = option(
        "--rounds",
        default=5,
        type=ONE_OR_MORE,
        help="Read both ways so often; the fastest of each counts.",
    )


@dataclass(frozen=True, kw_only=True)
class RandomTuning(Command):
    """The encoders and the steps of the bench of fine-tuning."""

    model: str = option(
        "--model",
        default="large12",
        metavar="NAME",
        help="large12 (as audeering's), large24 or base, each with a DistilBERT base; "
        "small or tiny.",
    )
    fusion: str = option(
        "--fusion",
        default="early",
        type=designs,
        help="The design that is trained along.",
    )
    batch: int = option(
        "--batch",
        default=8,
        type=ONE_OR_MORE,
        help="Utterances that go through the encoders at once, in both ways.",
    )
    loss_batch: int | None = option(
        "--loss-batch",
        default=None,
        type=click.IntRange(min=8),
        metavar="N",
        help="Utterances of the loss of one of our steps, which are all there are.  "
        "[default: 128 on a GPU, 16 on a CPU]",
    )
    steps: int = option(
        "--steps",
        default=3,
        type=ONE_OR_MORE,
        help="Of ours that are timed, and passes of the other way; the fastest counts. "
        "One before is not timed.",
    )


@dataclass(frozen=True, kw_only=True)
class TuningMemory(Command):
    """How the bench of fine-tuning holds activations."""

    hold: bool = option(
        "--hold",
        default=False,
        help="Hold the activations of a whole batch of the loss, in our steps.",
    )
    checkpointing: bool = option(
        "--checkpointing",
        default=False,
        help="Hold fewer activations, and compute them twice, in both ways.",
    )


@dataclass(frozen=True, kw_only=True)
class TuningSeed(Command):
    """The seed of the bench of fine-tuning."""

    seed: int = option(
        "--seed",
        default=0,
        type=NOT_NEGATIVE,
        help="Of weights, inputs, order and dropout.",
    )


@dataclass(frozen=True, kw_only=True)
class BenchFinetune(
    RandomTuning,
    TuningPrecision,
    TuningMemory,
    TrainedLayers,
    TuningSeed,
    ComputeOptions,
):
    """Measure fine-tuning on random utterances."""

    COMMAND: ClassVar[str] = "bench finetune"


@dataclass(frozen=True, kw_only=True)
class BenchTrain(ComputeOptions):
    """Measure stage two on random embeddings."""

    COMMAND: ClassVar[str] = "bench train"
    rows: int = option(
        "--rows",
        default=10_000,
        type=click.IntRange(min=300),
        help="Made-up utterances.",
    )
    dims: tuple[int, int] = option(
        "--dims",
        default=(1024, 768),
        type=ONE_OR_MORE,
        help="Features of audio and text.",
    )
    models: int = option(
        "--models",
        default=8,
        type=ONE_OR_MORE,
        help="Of one design, with a seed each.",
    )
    epochs: int | None = option(
        "--epochs",
        default=None,
        type=ONE_OR_MORE,
        help="Of each model, and of its autoencoders where they come first.  "
        "[default: 3; of --table, what early stopping gives]",
    )
    table: bool = option(
        "--table",
        default=False,
        help="Time the whole table instead: audio, text, early and late, five "
        "folds, five seeds, as `train` would.",
    )
    fusion: str = option("--fusion", default="early", type=designs)
    reduce: str = option(
        "--reduce", default="autoencoder", type=click.Choice(["autoencoder", "none"])
    )
    training: str = option(
        "--training", default="joint", type=click.Choice(["joint", "pretrain"])
    )
    hidden: int = option("--hidden", default=128, type=ONE_OR_MORE)
    latent: int = option("--latent", default=128, type=ONE_OR_MORE)
    batch: int = option("--batch", default=512, type=click.IntRange(min=32))
    rounds: int = option(
        "--rounds",
        default=1,
        type=ONE_OR_MORE,
        help="Of all ways in turn; the fastest counts.",
    )
    seed: int = option(
        "--seed",
        default=0,
        type=NOT_NEGATIVE,
        help="Of data, weights, order and dropout.",
    )
