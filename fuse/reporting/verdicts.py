"""Sentences on the comparisons of rows and their verdicts."""

from collections.abc import Iterator, Sequence

from affuse.fuse.reporting.table_records import SECTIONS, Pair, TableRow, Versus, bounds
from affuse.fuse.wording import count, figure, probability


def comparisons(rows: Sequence[TableRow]) -> Iterator[str]:
    """Yield a line for each comparison of a row in each section.

    Args:
        rows: of a table
    """
    for section in SECTIONS:
        for row in rows:
            if section in row.versus:
                where = "" if section == "all" else f"{section}: "
                yield where + comparison(row.name, row.versus[section])


def comparison(name: str, versus: Versus) -> str:
    """Return the line on the comparison of a row with another one.

    Args:
        name: of the row
        versus: its comparison
    """
    difference = versus.difference
    range_ = bounds(difference, digits=3, sign=True)
    words = f"{figure(difference.value, sign=True)} {range_}".rstrip()
    if versus.utterances:
        tested = count(versus.tested, "utterance")
        words += f" on the {versus.utterances:,} of {tested} that both have"
    if versus.reason:
        return f"{name} - {versus.name}: {words}, not marked, because {versus.reason}"
    if versus.verdict == "unknown":
        return f"{name} - {versus.name}: {words}, p unknown"
    p = f"p {probability(versus.p)}, Holm {probability(versus.adjusted)}"
    end = f"; {versus.remark}" if versus.remark else ""
    return f"{name} - {versus.name}: {words}, {p}, {versus.verdict}{end}"


def untested_pairs(pairs: Sequence[Pair]) -> Iterator[str]:
    """Yield a line on untested pairs for each reason.

    Args:
        pairs: of all rows
    """
    by_reason: dict[str, list[str]] = {}
    for pair in pairs:
        if pair.versus and pair.versus.reason:
            names = f"{pair.a} - {pair.b}"
            by_reason.setdefault(pair.versus.reason, []).append(names)
    for reason, each in by_reason.items():
        which = f"{count(len(each), 'pair')} ({', '.join(each)})"
        yield f"all pairs: {which} not tested, because {reason}"
