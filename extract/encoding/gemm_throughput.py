"""GEMM throughput of a device, and the choice of its precision."""

import time
from collections.abc import Callable

import torch

SIZE = {"cpu": 1536, "cuda": 8192}  # rows and columns of the matrices
TRIES = 8  # repetitions; the fastest counts, because other processes slow some down


def measure_throughput(
    device: str, dtype: torch.dtype, size: int | None = None
) -> float:
    """Measure the GEMM throughput of a device with square matrices.

    Args:
        device: torch device
        dtype: of the matrices
        size: rows and columns; None for a size that keeps the device busy

    Returns:
        operations per second (FLOP/s), where multiply and add count separately
    """
    size = size or SIZE["cuda" if device.startswith("cuda") else "cpu"]
    left = torch.rand(size, size, device=device).to(dtype)
    right = torch.rand(size, size, device=device).to(dtype)
    fastest = min(measure_seconds(lambda: left @ right, device) for _ in range(TRIES))
    return 2.0 * size**3 / fastest


def measure_seconds(work: Callable[[], object], device: str) -> float:
    """Return the duration of a function call in seconds, including work on the GPU.

    Args:
        work: function to measure
        device: torch device
    """
    wait(device)
    began = time.perf_counter()
    work()
    wait(device)
    return time.perf_counter() - began


def wait(device: str) -> None:
    """Wait until the device has finished all queued work.

    Args:
        device: torch device
    """
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def choose_dtype(dtype: str, device: str) -> str:
    """Return the best precision of a device for ``auto``; any other name unchanged.

    The precision is bfloat16 on GPUs that support it, and on CPUs with units for
    bfloat16 matrices (Intel AMX), where it is several times as fast as float32.
    Otherwise it is float32. Speeds are not measured: a busy machine would then choose
    another precision, and so another cache, from one command to the next.

    Args:
        dtype: value of ``--dtype``
        device: torch device
    """
    if dtype != "auto":
        return dtype
    if device.startswith("cuda"):
        return "bfloat16" if torch.cuda.is_bf16_supported(False) else "float32"
    return "bfloat16" if has_matrix_units() else "float32"


def has_matrix_units() -> bool:
    """Return True if the CPU has units for bfloat16 matrices, as far as torch knows."""
    supported = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return bool(supported is not None and supported())
