"""Summary of a corpus's problems: one line for each reason, with a count.

Two problems have the same reason if their sentences differ only in numbers and quoted
names.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from affuse.data.records import Problem

KINDS = 40  # reasons to print, since each row of a damaged table may have a new one
COUNTED = 10  # notes with the same reason that are listed if they count rows themselves
ROWS = re.compile(r"\brows: (\d+)")  # in a note that counts rows
VARIES = re.compile(r"'[^']*'|\"[^\"]*\"|\d+(?:[.,:]\d+)*")


def reason(problem: Problem) -> str:
    """Return the sentence of a problem with placeholders for numbers and quoted names.

    Args:
        problem: of a corpus

    Examples:
        >>> reason(Problem("a.wav", "resampled from 44100 Hz"))
        'resampled from # Hz'
    """
    return VARIES.sub("#", problem.reason)


def group_by_reason(problems: Iterable[Problem]) -> list[list[Problem]]:
    """Return the problems grouped by reason, in the order of first occurrence."""
    groups: dict[tuple[bool, str], list[Problem]] = {}
    for problem in problems:
        groups.setdefault((problem.fatal, reason(problem)), []).append(problem)
    return list(groups.values())


def lines(problems: Iterable[Problem], listed: int = 1) -> Iterator[str]:
    """Yield one line for each reason, with its count and its first place.

    Notes that count rows are listed one by one. Otherwise the count of a note on
    ``NaN`` would hide that of a note on ``N/A``.

    Args:
        problems: all of them
        listed: problems with the same reason that are still listed one by one

    Yields:
        lines without an indent, for at most `KINDS` reasons
    """
    groups = group_by_reason(problems)
    for group in groups[:KINDS]:
        counted = ROWS.search(group[0].reason)
        if len(group) > (max(listed, COUNTED) if counted else listed):
            yield _summary(group)
        else:
            yield from (f"{location(p)}{p.reason}" for p in group)
    if hidden := groups[KINDS:]:
        yield f"and {sum(map(len, hidden))} more, of {len(hidden)} other reasons"


def _summary(group: Sequence[Problem]) -> str:
    """Return the line for several problems with the same reason."""
    first = group[0]
    where = location(first).removesuffix(": ")
    if all(p.reason == first.reason for p in group):
        return f"{len(group):,} times: {first.reason}" + (
            f" (first: {where})" if where else ""
        )
    rows = sum(int(match[1]) for p in group if (match := ROWS.search(p.reason)))
    return (
        f"{len(group):,} times, with other numbers or names"
        f"{f' ({rows:,} rows in all)' if rows else ''}, as in: {location(first)}"
        f"{first.reason}"
    )


def location(problem: Problem) -> str:
    """Return ``file:line (id): ``, without the parts that a problem lacks."""
    text = problem.file
    if problem.line is not None:
        text += f":{problem.line}"
    if problem.id and problem.id not in problem.file:
        text += f" ({problem.id})" if text else problem.id
    return f"{text}: " if text else ""
