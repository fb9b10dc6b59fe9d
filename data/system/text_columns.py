"""Alignment of table rows in columns, for the terminal."""

from collections.abc import Iterator, Sequence


def align_columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a line for each row, its first column aligned left and the others right.

    Args:
        rows: cells of each row, all of one length

    Examples:
        >>> print("\\n".join(align_columns([("", "CCC"), ("valence", ".5")])))
                 CCC
        valence   .5
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *rest in rows:
        cells = [first.ljust(widths[0])]
        cells += [c.rjust(w) for c, w in zip(rest, widths[1:], strict=True)]
        yield "  ".join(cells).rstrip()
