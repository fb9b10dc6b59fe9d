"""Progress bars: lively on a terminal, a line now and then in a log."""

import sys
from typing import Any

from tqdm import tqdm

FORMAT = (
    "{desc}: {percentage:3.0f}%|{bar}| {n:.0f}/{total:.0f} {unit} "
    "[{elapsed}<{remaining}, {rate_fmt}{postfix}]"
)
REFRESH = {True: 0.2, False: 20.0}  # seconds, by whether somebody watches


def bar(items: Any = None, *, total: float, name: str, unit: str, show: bool) -> tqdm:
    """A bar over `items`, or one that is told of progress by ``update(amount)``."""
    return tqdm(
        items,
        total=total,
        desc=name,
        unit=unit,
        smoothing=0.1,
        bar_format=FORMAT,
        mininterval=REFRESH[sys.stderr.isatty()],
        dynamic_ncols=True,
        disable=not show,
    )
