"""Progress bars: lively on a terminal, a line now and then in a log."""

import sys
from typing import Any

from tqdm import tqdm

from affuse.data.terminal import printable

FORMAT = (
    "{desc}: {percentage:3.0f}%|{bar}| {n:.0f}/{total:.0f} {unit} "
    "[{elapsed}<{remaining}, {rate_fmt}{postfix}]"
)
REFRESH = {True: 0.2, False: 20.0}  # seconds, by whether somebody watches


class _Bar(tqdm):
    """One that stops at its end, which sums of seconds overrun by rounding."""

    def update(self, n: float = 1) -> bool | None:
        shown: bool | None = super().update(min(n, self.total - self.n))
        return shown

    def set_postfix_str(self, s: str = "", refresh: bool = True) -> None:
        """Show a few words behind the bar; they may hold names from files."""
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
    """Return a bar over `items`, or one that is told of progress by ``update(amount)``.

    Args:
        items: that are counted as they are taken; None for ``update``
        total: amount of work
        name: what is done, at the beginning of the line
        unit: of the amount
        show: False for no bar
        delay: seconds; work that ends sooner shows no bar
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
