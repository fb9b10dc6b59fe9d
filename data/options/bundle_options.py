"""Options of `bundle`: the run, its encoders and licences, and where to write."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import click

from affuse.data.options.option_fields import READ, WRITE, option
from affuse.data.options.option_types import FOLDER
from affuse.data.options.prediction_options import RecordedCheckpoints
from affuse.data.options.shared_options import CacheOption, RunArgument

INCLUDE, REFERENCE = "include", "reference"  # what a bundle holds of an encoder


@dataclass(frozen=True, kw_only=True)
class BundleInput(RunArgument, RecordedCheckpoints, CacheOption):
    """Run, its encoders and their licences, and whether a bundle includes them."""

    HEADING: ClassVar[str] = READ

    licence: tuple[str, ...] = option(
        "--licence",
        default=(),
        metavar="[MODALITY=]NAME",
        help="Licence of the checkpoints, for example audio=mit, where their model "
        "cards do not state one. The option may be repeated.  [default: as stated by "
        "the model card of each checkpoint]",
    )
    weights: str = option(
        "--weights",
        default=INCLUDE,
        type=click.Choice([INCLUDE, REFERENCE]),
        help="Include the checkpoints of the encoders if their licences permit "
        "redistribution, or only reference them by name, commit and digest. Encoders "
        "that come with this project are always referenced.",
    )


@dataclass(frozen=True, kw_only=True)
class MakeBundle(BundleInput):
    """Options of `bundle`: write a trained model to use elsewhere."""

    COMMAND: ClassVar[str] = "bundle"
    HEADING: ClassVar[str] = WRITE
    MOVED: ClassVar[Mapping[str, str]] = {"weights": WRITE}

    output: Path = option(
        "--output",
        type=FOLDER,
        help="Write the bundle into this new or empty folder, for example my-model.",
    )
    onnx: bool = option(
        "--onnx",
        default=False,
        help="Also write stage two as one ONNX graph: embeddings in, "
        "ratings out. It needs the extra 'onnx'.  [default: it is not written]",
    )
    push_to_hub: str = option(
        "--push-to-hub",
        default="",
        metavar="NAME",
        help="Also upload the bundle to the Hugging Face hub, for example as "
        "me/my-model. A new repository is private.  [default: nothing is uploaded]",
    )
