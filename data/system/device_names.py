"""Names of devices, for both stages; what is there is asked of torch by them."""

import re

from affuse.data.errors import OptionError


def choose(wanted: str, *, cards: int) -> str:
    """The device to compute on; ``auto`` takes CUDA where there is a card.

    Args:
        wanted: ``auto``, ``cpu``, ``cuda`` or ``cuda:1``
        cards: how many CUDA devices there are

    Raises:
        OptionError: if it is no device, or one that is not here

    Examples:
        >>> choose("auto", cards=0), choose("auto", cards=2), choose("cuda:1", cards=2)
        ('cpu', 'cuda', 'cuda:1')
    """
    if wanted == "auto":
        return "cuda" if cards else "cpu"
    named = re.fullmatch(r"cpu|cuda(?::(\d{1,3}))?", wanted)
    if named is None:
        raise OptionError(f"--device {wanted!r}: say auto, cpu, cuda or cuda:1")
    if wanted != "cpu" and int(named[1] or 0) >= cards:
        raise OptionError(
            f"--device {wanted}: there are {cards} CUDA devices here; take --device cpu"
        )
    return wanted
