"""Progress bars, refreshed often on a terminal and rarely in a log."""

import sys
from typing import Any

from tqdm import tqdm

from affuse.data.terminal import printable

FORMAT = (
    "{desc}: {percentage:3.0f}%|{bar}| {n:.0f}/{total:.0f} {unit} "
    "[{elapsed}<{remaining}, {rate_fmt}{postfix}]"
)
DELAY = 2.0  # seconds before a bar appears over work that is usually short
REFRESH = {True: 0.2, False: 20.0}  # seconds; True for a terminal


class _Bar(tqdm):
    """Bar that never exceeds its total, which sums of seconds may do by rounding."""

    def update(self, n: float = 1) -> bool | None:
        is_displayed: bool | None = super().update(min(n, self.total - self.n))
        return is_displayed

    def set_postfix_str(self, s: str = "", refresh: bool = True) -> None:
        """Show a text behind the bar, printable even if it has names from files."""
        super().set_postfix_str(printable(s), refresh)


def bar(
    items: Any = None,
    *,
    total: float,
    name: str,
    unit: str,
    show: bool,
    delay: float = 0.0,
) -> tqdm:
    """Return a progress bar over `items`, or one that ``update(amount)`` advances.

    Args:
        items: to iterate over, each counted as 1; None to call ``update``
        total: amount of work
        name: of the task, at the beginning of the line
        unit: of the amount
        show: False for no bar
        delay: seconds before the bar appears; shorter work shows no bar
    """
    return _Bar(
        items,
        total=total,
        desc=printable(name),
        unit=unit,
        smoothing=0.1,
        bar_format=FORMAT,
        mininterval=REFRESH[sys.stderr.isatty()],
        dynamic_ncols=True,
        delay=delay,
        disable=not show,
    )
