"""Peak memory of some work.

On a CUDA device, it is the memory that torch allocated there. On a CPU, it is the peak
resident set size of this process, including Python and its libraries. Only Linux can
reset that peak, so there is no value on other systems.
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
    """Run some work and return its peak memory in bytes; None if it is unknown.

    Args:
        work: to run
        device: torch device
    """
    gc.collect()
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)
        work()
        return torch.cuda.max_memory_allocated(device)
    with suppress(OSError, AttributeError):  # Freed memory shall not count.
        ctypes.CDLL(None).malloc_trim(0)
    try:
        CLEAR.write_text(ANEW)
    except OSError:
        work()
        return None
    work()
    status = STATUS.read_text(encoding="ascii", errors="replace")
    kilobytes = status.partition(PEAK)[2].split()
    return 1024 * int(kilobytes[0]) if kilobytes else None


def what(device: str) -> str:
    """Return a description of the memory that `most` measures.

    Args:
        device: torch device
    """
    if device.startswith("cuda"):
        return "memory that torch allocated on the device"
    return "resident set of the whole process"
