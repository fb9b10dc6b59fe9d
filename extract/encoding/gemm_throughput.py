"""What a device can do at most, and the precision that suits it."""

import time
from collections.abc import Callable

import torch

SIZE = {"cpu": 1536, "cuda": 8192}  # rows and columns of the matrices
PROBE = 256  # rows and columns where only the ratio is asked: milliseconds
TRIES = 8  # of which the fastest counts; others shared the machine
ENOUGH = 2.0  # times faster must half precision be, to be worth its rounding


def products(device: str, dtype: torch.dtype, size: int | None = None) -> float:
    """Operations per second in square matrix products, multiply and add being two.

    Args:
        size: rows and columns; None for as many as keep the device busy
    """
    size = size or SIZE["cuda" if device.startswith("cuda") else "cpu"]
    one = torch.rand(size, size, device=device).to(dtype)
    other = torch.rand(size, size, device=device).to(dtype)
    fastest = min(seconds(lambda: one @ other, device) for _ in range(TRIES))
    return 2.0 * size**3 / fastest


def seconds(work: Callable[[], object], device: str) -> float:
    """How long some work takes, the device's own part included."""
    wait(device)
    began = time.perf_counter()
    work()
    wait(device)
    return time.perf_counter() - began


def wait(device: str) -> None:
    """Until the device has done what it was given."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def choose_dtype(wanted: str, device: str) -> str:
    """``auto`` as the precision that suits a device; any other name as it is.

    bfloat16 on GPUs that have it, and on CPUs whose matrix products in it are measured
    to be `ENOUGH` times faster (those with matrix units); else float32.
    """
    if wanted != "auto":
        return wanted
    if device.startswith("cuda"):
        return "bfloat16" if torch.cuda.is_bf16_supported(False) else "float32"
    half, single = (
        products(device, dtype, PROBE) for dtype in (torch.bfloat16, torch.float32)
    )
    return "bfloat16" if half > ENOUGH * single else "float32"
