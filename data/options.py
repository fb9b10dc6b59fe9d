"""Command-line options that both stages have."""

from pathlib import Path

import click

# fmt: off
FOLDER = click.Path(file_okay=False, path_type=Path)
ANY = click.Path(path_type=Path)
CACHE = click.option(
    "--cache", type=FOLDER, default=Path("cache"), show_default=True,
    help="Folder of all embeddings.")
COMPUTE = (
    click.option(
        "--device", default="auto", show_default=True,
        help="auto, cpu or cuda; auto takes CUDA where there is a device."),
    click.option(
        "--threads", type=click.IntRange(min=1),
        help="CPU threads.  [default: all cores]"),
)
# fmt: on
