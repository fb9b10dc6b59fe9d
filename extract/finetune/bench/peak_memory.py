"""How much memory some work took at most.

On a CUDA device it is what torch allocated there. On a CPU it is the largest resident
set of this process, all of it, with Python and its libraries; Linux alone can begin
to count anew, so elsewhere nothing is said.
"""

import ctypes
import gc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import torch

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
PEAK, ANEW = "VmHWM:", "5"  # see proc_pid_status(5) and proc_pid_clear_refs(5)


def most(work: Callable[[], object], device: str) -> int | None:
    """Bytes in use at the highest point of some work; None where nobody can tell."""
    gc.collect()
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)
        work()
        return torch.cuda.max_memory_allocated(device)
    with suppress(OSError, AttributeError):  # what was freed before shall not count
        ctypes.CDLL(None).malloc_trim(0)
    try:
        CLEAR.write_text(ANEW)
    except OSError:
        work()
        return None
    work()
    found = STATUS.read_text(encoding="ascii", errors="replace")
    kilobytes = found.partition(PEAK)[2].split()
    return 1024 * int(kilobytes[0]) if kilobytes else None


def what(device: str) -> str:
    """In words, what `most` counts."""
    if device.startswith("cuda"):
        return "memory that torch allocated on the device"
    return "resident set of the whole process"
