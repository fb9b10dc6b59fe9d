"""Table of the bench of reading inputs, with ratios to a plain loop."""

from collections.abc import Sequence
from dataclasses import dataclass

import joblib

from affuse.data.system.text_columns import align_columns

HEADER = (
    "inputs",
    "threads",
    "seconds",
    "processor s",
    "per second",
    "of the loop",
    "per core",
    "of its processor time",
    "x one thread",
)


@dataclass(frozen=True)
class FeedSpeed:
    """Measured speed of one kind of inputs and one number of threads."""

    inputs: str
    unit: str
    amount: float
    threads: int
    wall: float  # seconds
    processor: float  # seconds
    way: str = ""  # how the inputs were read, if not by stage one

    @property
    def name(self) -> str:
        """Name of the row."""
        return f"{self.inputs}, {self.way}" if self.way else self.inputs


def table(speeds: Sequence[FeedSpeed]) -> list[str]:
    """Return the lines of the table, with ratios to the plain loop of the same inputs.

    Args:
        speeds: of each kind of inputs, the plain loop first
    """
    plain = {s.inputs: s for s in reversed(speeds) if s.way}
    single = {s.inputs: s for s in speeds if s.threads == 1 and not s.way}
    rows: list[tuple[str, ...]] = [HEADER]
    for s in speeds:
        loop, one = plain[s.inputs], single[s.inputs]
        rows.append(
            (
                s.name,
                str(s.threads),
                f"{s.wall:.2f}",
                f"{s.processor:.2f}",
                f"{s.amount / s.wall:,.0f} {s.unit}/s",
                *_ratios(s, loop, one),
            )
        )
    return list(align_columns(rows))


def _ratios(s: FeedSpeed, loop: FeedSpeed, one: FeedSpeed) -> tuple[str, ...]:
    """Return speeds relative to the plain loop, per core, and to one thread."""
    if s is loop:
        return "", "", "", ""
    cores = min(s.threads, joblib.cpu_count())
    return (
        f"{loop.wall / s.wall:.2f}",
        f"{loop.wall / s.wall / cores:.2f}",
        f"{loop.processor / s.processor:.2f}",
        "" if s.way else f"{one.wall / s.wall:.2f}",
    )
