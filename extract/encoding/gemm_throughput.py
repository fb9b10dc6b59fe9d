"""GEMM throughput of a device, and the choice of a precision from it."""

import time
from collections.abc import Callable

import torch

SIZE = {"cpu": 1536, "cuda": 8192}  # rows and columns of the matrices
PROBE = 256  # rows and columns to compare two precisions within milliseconds
TRIES = 8  # repetitions; the fastest counts, because other processes slow some down
LEAST_SPEED_UP = 2.0  # smallest speed-up of half precision that outweighs its rounding


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

    The precision is bfloat16 on GPUs that support it, and on CPUs with matrix units,
    where its measured GEMM throughput is more than `LEAST_SPEED_UP` times that of
    float32. Otherwise it is float32.

    Args:
        dtype: value of ``--dtype``
        device: torch device
    """
    if dtype != "auto":
        return dtype
    if device.startswith("cuda"):
        return "bfloat16" if torch.cuda.is_bf16_supported(False) else "float32"
    half, single = (
        measure_throughput(device, kind, PROBE)
        for kind in (torch.bfloat16, torch.float32)
    )
    return "bfloat16" if half > LEAST_SPEED_UP * single else "float32"
