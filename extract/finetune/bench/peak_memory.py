"""Peak memory that a function needs.

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
PEAK, RESET = "VmHWM:", "5"  # see proc_pid_status(5) and proc_pid_clear_refs(5)


def measure_peak(work: Callable[[], object], device: str) -> int | None:
    """Return the peak memory of a function call in bytes; None if it is unknown.

    Args:
        work: function to call
        device: torch device
    """
    gc.collect()
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)
        work()
        return torch.cuda.max_memory_allocated(device)
    with suppress(OSError, AttributeError):  # Memory that is free must not count.
        ctypes.CDLL(None).malloc_trim(0)
    try:
        CLEAR.write_text(RESET)
    except OSError:
        work()
        return None
    work()
    status = STATUS.read_text(encoding="ascii", errors="replace")
    kilobytes = status.partition(PEAK)[2].split()
    return 1024 * int(kilobytes[0]) if kilobytes else None


def description(device: str) -> str:
    """Return a description of the memory that `measure_peak` measures.

    Args:
        device: torch device
    """
    if device.startswith("cuda"):
        return "memory that torch allocated on the device"
    return "resident set of the whole process"
