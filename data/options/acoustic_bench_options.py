"""Record of the bench of the acoustic encoder."""

from dataclasses import dataclass
from typing import ClassVar

from affuse.data.options.command_record import Command
from affuse.data.options.option_fields import RESOURCES, option
from affuse.data.options.option_types import ONE_OR_MORE


@dataclass(frozen=True, kw_only=True)
class BenchAcoustic(Command):
    """Measure the acoustic encoder on recordings of the demo corpus."""

    COMMAND: ClassVar[str] = "bench acoustic"
    HEADING: ClassVar[str] = RESOURCES
    count: int = option(
        "--count",
        default=60,
        type=ONE_OR_MORE,
        help="Measure this number of utterances, evenly spaced over the corpus.",
    )
    rounds: int = option(
        "--rounds",
        default=3,
        type=ONE_OR_MORE,
        help="Measure this many times in turn; the fastest time of each family counts.",
    )
