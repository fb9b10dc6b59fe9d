"""Names of devices for both stages, which count the CUDA devices with torch."""

import platform
import re
from collections.abc import Callable
from pathlib import Path

from affuse.data.errors import OptionError


def choose(device: str, *, cards: int) -> str:
    """Return the device to compute on; ``auto`` selects CUDA if there is a device.

    Args:
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:1``
        cards: number of CUDA devices of this machine

    Raises:
        OptionError: if `device` is no such name, or this machine does not have it

    Examples:
        >>> choose("auto", cards=0), choose("auto", cards=2), choose("cuda:1", cards=2)
        ('cpu', 'cuda', 'cuda:1')
    """
    if device == "auto":
        return "cuda" if cards else "cpu"
    match = re.fullmatch(r"cpu|cuda(?::(\d{1,3}))?", device)
    if match is None:
        raise OptionError(
            f"--device {device!r} is not a device: choose auto, cpu, cuda or cuda:1"
        )
    if device != "cpu" and int(match[1] or 0) >= cards:
        raise OptionError(
            f"--device {device}: there are {cards} CUDA devices here; take --device cpu"
        )
    return device


def describe(device: str, *, threads: int, gpu_name: Callable[[str], str]) -> str:
    """Return the name of the GPU, or of the processor with the number of threads.

    Args:
        device: as `choose` returns it
        threads: of the CPU
        gpu_name: returns the name of a CUDA device, as `torch.cuda.get_device_name`

    Examples:
        >>> describe("cuda", threads=2, gpu_name=lambda device: f"GPU of {device}")
        'GPU of cuda'
    """
    if device.startswith("cuda"):
        return gpu_name(device)
    return f"{processor()}, {threads} {'thread' if threads == 1 else 'threads'}"


def processor() -> str:
    """Return the name of the processor, as far as the system states it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(
            s.split(":")[1].strip() for s in lines if s.startswith("model name")
        )
    except (OSError, StopIteration, IndexError):
        return platform.processor() or platform.machine()
