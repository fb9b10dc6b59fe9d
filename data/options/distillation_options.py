"""Record of the distillation of encoders."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import click

from affuse.data.options.option_fields import argument, option
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
    """Distil an encoder into a smaller one."""

    COMMAND: ClassVar[str] = "distil"
    modality: str = argument(type=MODALITY)
    teacher: str = option(
        "--teacher",
        metavar="NAME",
        help="Speech encoder (Whisper, Wav2Vec2 family) or text encoder: hub name or "
        "folder.",
    )
    data: tuple[Path, ...] = option(
        "--data",
        help="Sound files, .txt files of one text a line, or folders of them; "
        "repeatable. No labels are needed.",
    )
    output: Path = option(
        "--output",
        type=FOLDER,
        help="Folder of the student; an unfinished training is taken up again.",
    )
    revision: str = option("--revision", default="", help="Pin a teacher of the hub.")
    teacher_layers: str = option(
        "--teacher-layers",
        default="last",
        help="What the student imitates: last, all, or numbers such as 2,3.",
    )
    layers: int | None = option(
        "--layers", default=None, type=ONE_OR_MORE, help="Of the student."
    )
    width: int | None = option(
        "--width",
        default=None,
        type=click.IntRange(min=8),
        help="Of its hidden states.",
    )
    heads: int | None = option(
        "--heads", default=None, type=ONE_OR_MORE, help="Of its attention."
    )
    vocabulary: int | None = option(
        "--vocabulary",
        default=None,
        type=ONE_OR_MORE,
        help="text: how many word pieces.",
    )
    speeds: str | None = option(
        "--speeds",
        default=None,
        metavar="LIST",
        help="audio: at which everything is heard.  [default: 0.8,1,1.25]",
    )
    steps: int | None = option(
        "--steps", default=None, type=ONE_OR_MORE, help="Of the training."
    )
    rate: float | None = option("--rate", default=None, help="Highest learning rate.")
    batch: int | None = option(
        "--batch",
        default=None,
        type=ONE_OR_MORE,
        help="Recordings or texts in a step.",
    )
    held_out: float = option(
        "--held-out",
        default=0.05,
        type=SHARE,
        help="Share of the data that only tests.",
    )
    seed: int = option(
        "--seed",
        default=0,
        type=NOT_NEGATIVE,
        help="Of first weights, batches and what is held out.",
    )
    credits: tuple[str, ...] = option(
        "--credit",
        default=(),
        metavar="TEXT",
        help="A source and its licence, for the model card; repeatable.",
    )
    licence: str = option(
        "--licence", default="", help="Of the student, for the model card."
    )
