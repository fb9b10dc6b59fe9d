"""Names of devices for both stages, which count the CUDA devices with torch."""

import re

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
