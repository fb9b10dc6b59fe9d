"""Options of `adapt`: the model, the table of rated clips, and where to write."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import click

from affuse.data.options.bundle_options import BundleInput
from affuse.data.options.option_fields import WRITE, argument, option
from affuse.data.options.option_types import FILE, FOLDER
from affuse.data.options.shared_options import ComputeOptions
from affuse.data.options.source_options import TableColumns


@dataclass(frozen=True, kw_only=True)
class Adapt(TableColumns, BundleInput, ComputeOptions):
    """Options of `adapt`: adapt a model to the ratings of a user."""

    COMMAND: ClassVar[str] = "adapt"
    HEADING: ClassVar[str] = WRITE
    MOVED: ClassVar[Mapping[str, str]] = {"weights": WRITE}

    run: Path = argument(type=click.Path(path_type=Path), metavar="MODEL")
    table: Path = argument(type=FILE, metavar="TABLE.csv")
    output: Path = option(
        "--output",
        type=FOLDER,
        help="Write the adapted bundle into this new or empty folder, for example "
        "my-model. Nothing is written if no adaptation helps.",
    )
