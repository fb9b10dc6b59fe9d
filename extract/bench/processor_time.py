"""Wall time and processor time of a computation, including its decoding processes."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from affuse.extract.audio import decoder_pool

CPU_CLOCK = 2  # of a process, in the low bits of its clock, see clock_getcpuclockid(3)


@dataclass(frozen=True)
class Duration:
    """Wall time and processor time of a computation."""

    wall: float  # seconds
    processor: float  # seconds of this process and of the decoding processes


def measure(work: Callable[[], object]) -> Duration:
    """Return the duration of a function call.

    Decoding processes must have been started before, and must not end meanwhile.

    Args:
        work: function to measure
    """
    processor, wall = _processor(), time.perf_counter()
    work()
    return Duration(time.perf_counter() - wall, _processor() - processor)


def _processor() -> float:
    """Return the processor seconds of this process and of the decoding processes."""
    seconds = time.process_time()
    for worker in list(decoder_pool.pool.workers):
        with suppress(OSError, AttributeError):  # Only Linux has such clocks.
            seconds += time.clock_gettime((~worker.process.pid << 3) | CPU_CLOCK)
    return seconds
