"""Records of the benchmarks of reading inputs, and of all benchmarks of a GPU."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import click

from affuse.data.options.command_record import Command
from affuse.data.options.option_fields import RESOURCES, WRITE, option
from affuse.data.options.option_types import NOT_NEGATIVE, ONE_OR_MORE

FORMATS = ("wav", "flac", "ogg", "mp3")


@dataclass(frozen=True, kw_only=True)
class BenchFeed(Command):
    """Measure stage one without the arithmetic of its encoder."""

    COMMAND: ClassVar[str] = "bench feed"
    HEADING: ClassVar[str] = RESOURCES
    count: int = option(
        "--count",
        default=600,
        type=ONE_OR_MORE,
        help="Write this number of recordings of usual lengths, in each format.",
    )
    long: int = option(
        "--long",
        default=8,
        type=NOT_NEGATIVE,
        help="Write this number of recordings of two minutes, in each format.",
    )
    texts: int = option(
        "--texts",
        default=10_000,
        type=NOT_NEGATIVE,
        help="Generate this number of texts.",
    )
    formats: tuple[str, ...] = option(
        "--format",
        default=(),
        type=click.Choice(FORMATS),
        help="Write recordings in this format; repeat the option for several.  "
        "[default: all]",
    )
    threads: int | None = option(
        "--threads",
        default=None,
        type=ONE_OR_MORE,
        help="Measure with one thread and its doubles, up to this number.  "
        "[default: all cores]",
    )
    rounds: int = option(
        "--rounds",
        default=3,
        type=ONE_OR_MORE,
        help="Measure everything this many times, in turn; the fastest time of each "
        "counts.",
    )
    seed: int = option(
        "--seed",
        default=0,
        type=NOT_NEGATIVE,
        help="Seed of lengths, positions and texts.",
    )


@dataclass(frozen=True, kw_only=True)
class BenchGpu(Command):
    """Run all benchmarks of a GPU."""

    COMMAND: ClassVar[str] = "bench gpu"
    HEADING: ClassVar[str] = RESOURCES
    MOVED: ClassVar[Mapping[str, str]] = {"output": WRITE}
    tiny: bool = option(
        "--tiny",
        default=False,
        help="Run every benchmark in its smallest size, on any device, to try the "
        "command. Its figures mean nothing.  [default: the sizes of the goals]",
    )
    output: Path = option(
        "--output",
        default=Path("bench-gpu.json"),
        type=click.Path(path_type=Path, dir_okay=False),
        help="Write all figures to this JSON file.",
    )
