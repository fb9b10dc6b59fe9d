"""Problems of a corpus in few lines: one for each reason, with a count.

Two problems have one reason if their sentences differ in numbers and quoted names only.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from affuse.data.records import Problem

KINDS = 40  # reasons that are printed; a damaged table may have another for each row
COUNTED = 10  # notes of one reason that count rows of a table, and are listed anyway
ROWS = re.compile(r"\brows: (\d+)")  # in a note on all rows of one kind
VARIES = re.compile(r"'[^']*'|\"[^\"]*\"|\d+(?:[.,:]\d+)*")


def reason(problem: Problem) -> str:
    """Return the sentence of a problem without its numbers and quoted names.

    Examples:
        >>> reason(Problem("a.wav", "resampled from 44100 Hz"))
        'resampled from # Hz'
    """
    return VARIES.sub("#", problem.reason)


def grouped(problems: Iterable[Problem]) -> list[list[Problem]]:
    """Return the problems by reason, in the order in which the reasons occur first."""
    found: dict[tuple[bool, str], list[Problem]] = {}
    for problem in problems:
        found.setdefault((problem.fatal, reason(problem)), []).append(problem)
    return list(found.values())


def lines(problems: Iterable[Problem], listed: int = 1) -> Iterator[str]:
    """Yield one line for each reason, with its count and the first place.

    A note that counts rows is a line for one reason already, such as one on ``NaN`` and
    one on ``N/A``. The count of the first would hide that of the second.

    Args:
        problems: all of them
        listed: problems of one reason that are still listed one by one

    Yields:
        lines without an indent, at most `KINDS` for reasons that occur more often
    """
    groups = grouped(problems)
    for group in groups[:KINDS]:
        counted = ROWS.search(group[0].reason)
        if len(group) > (max(listed, COUNTED) if counted else listed):
            yield _summary(group)
        else:
            yield from (f"{place(p)}{p.reason}" for p in group)
    if hidden := groups[KINDS:]:
        yield f"and {sum(map(len, hidden))} more, of {len(hidden)} other reasons"


def _summary(group: Sequence[Problem]) -> str:
    """Return the line for several problems of one reason."""
    first = group[0]
    where = place(first).removesuffix(": ")
    if all(p.reason == first.reason for p in group):
        return f"{len(group):,} times: {first.reason}" + (
            f" (first: {where})" if where else ""
        )
    rows = sum(int(found[1]) for p in group if (found := ROWS.search(p.reason)))
    return (
        f"{len(group):,} times, with other numbers or names"
        f"{f' ({rows:,} rows in all)' if rows else ''}, as in: {place(first)}"
        f"{first.reason}"
    )


def place(problem: Problem) -> str:
    """Return ``file:line (id): ``, as far as it is known."""
    found = problem.file
    if problem.line is not None:
        found += f":{problem.line}"
    if problem.id and problem.id not in problem.file:
        found += f" ({problem.id})" if found else problem.id
    return f"{found}: " if found else ""
