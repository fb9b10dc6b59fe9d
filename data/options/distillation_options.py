"""Record of the command `distil`, which trains a small encoder to imitate another."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import click

from affuse.data.options.option_fields import READ, WRITE, argument, option
from affuse.data.options.option_types import (
    FOLDER,
    MODALITY,
    NOT_NEGATIVE,
    ONE_OR_MORE,
    SHARE,
)
from affuse.data.options.shared_options import CacheOption, ComputeOptions


@dataclass(frozen=True, kw_only=True)
class Distil(ComputeOptions, CacheOption):
    """Options of `distil`: distil an encoder into a smaller one."""

    COMMAND: ClassVar[str] = "distil"
    MOVED: ClassVar[Mapping[str, str]] = {
        "cache": WRITE,
        "output": WRITE,
        "data": READ,
        "teacher": READ,
        "revision": READ,
        "credits": WRITE,
        "licence": WRITE,
    }
    modality: str = argument(type=MODALITY)
    teacher: str = option(
        "--teacher",
        metavar="NAME",
        help="Imitate this encoder: a hub name or a folder of a speech encoder "
        "(Whisper, Wav2Vec2 family) or of a text encoder.",
    )
    data: tuple[Path, ...] = option(
        "--data",
        help="Train the student on this: a sound file, a .txt file with one text in "
        "each line, or a folder of such files. The option may be repeated. No "
        "ratings are needed.",
    )
    output: Path = option(
        "--output",
        type=FOLDER,
        help="Write the student to this folder. If the folder holds an unfinished "
        "training, the training is continued.",
    )
    revision: str = option(
        "--revision",
        default="",
        help="Load a teacher of the hub at this commit.  [default: the newest commit]",
    )
    teacher_layers: str = option(
        "--teacher-layers",
        default="last",
        help="Imitate these layers of the teacher: last, all, or numbers such as 2,3.",
    )
    layers: int | None = option(
        "--layers",
        default=None,
        type=ONE_OR_MORE,
        help="Number of transformer layers of the student.  [default: 4 for "
        "audio, 2 for text]",
    )
    width: int | None = option(
        "--width",
        default=None,
        type=click.IntRange(min=8),
        help="Dimensions of the student's hidden states.  [default: 192 for "
        "audio, 256 for text]",
    )
    heads: int | None = option(
        "--heads",
        default=None,
        type=ONE_OR_MORE,
        help="Number of attention heads of the student.  [default: 4]",
    )
    vocabulary: int | None = option(
        "--vocabulary",
        default=None,
        type=ONE_OR_MORE,
        help="Number of word pieces of a text student.  [default: 7000]",
    )
    speeds: str | None = option(
        "--speeds",
        default=None,
        metavar="LIST",
        help="Train an audio student on recordings at these speeds.  [default: "
        "0.8,1,1.25]",
    )
    steps: int | None = option(
        "--steps",
        default=None,
        type=ONE_OR_MORE,
        help="Number of training steps.  [default: 3000 for audio, 6000 for text]",
    )
    rate: float | None = option(
        "--rate",
        default=None,
        help="Highest learning rate.  [default: 1.5e-3 for audio, 1e-3 for text]",
    )
    batch: int | None = option(
        "--batch",
        default=None,
        type=ONE_OR_MORE,
        help="Number of recordings or texts in a batch.  [default: 16 "
        "recordings, 128 texts]",
    )
    held_out: float = option(
        "--held-out",
        default=0.05,
        type=SHARE,
        help="Share of the data that is held out of the training to test the student.",
    )
    seed: int = option(
        "--seed",
        default=0,
        type=NOT_NEGATIVE,
        help="Seed of initial weights, batches and the held-out data.",
    )
    credits: tuple[str, ...] = option(
        "--credit",
        default=(),
        metavar="TEXT",
        help="Name a source of the data and its licence on the model card. The "
        "option may be repeated.  [default: none]",
    )
    licence: str = option(
        "--licence",
        default="",
        help="Name the student's licence on the model card.  [default: none]",
    )
