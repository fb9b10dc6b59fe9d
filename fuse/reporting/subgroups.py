"""Groups of test utterances by a column of the corpus, such as gender or language.

`affuse.fuse.reporting.sections` makes a section of each group.
"""

from collections.abc import Iterator, Mapping, Sequence

from affuse.data.errors import AffuseError, OptionError
from affuse.data.runs.fold_table import FoldRow
from affuse.data.runs.run_predictions import Run
from affuse.data.suggestions import hint
from affuse.fuse.reporting.table_records import TableRow
from affuse.fuse.wording import count

BY: Mapping[str, str] = {  # name of a column -> field of a row of folds.csv
    "gender": "sex",
    **{name: name for name in ("speaker", "session", "dialogue", "recording")},
}
MOST_GROUPS = 50  # largest number of groups of one column


def group(row: FoldRow, by: str) -> str:
    """Return the group of an utterance; "" if it is unknown.

    Args:
        row: of folds.csv
        by: the column of the groups
    """
    name: str = getattr(row, BY[by]) if by in BY else row.columns.get(by, "")
    return name


def groups(run: Run, by: str) -> list[str]:
    """Return the sorted groups of a run's test utterances; empty if `by` is "".

    Args:
        run: of any corpus
        by: the column of the groups

    Raises:
        AffuseError: if there are more than `MOST_GROUPS`
    """
    if not by:
        return []
    names = sorted({group(row, by) for row in _tested(run)} - {""})
    if len(names) > MOST_GROUPS:
        raise AffuseError(
            f"the test utterances of run '{run.info.name}' form {len(names)} groups by "
            f"{by!r}, and at most {MOST_GROUPS} are scored separately; choose another "
            f"column, or another corpus with --corpus"
        )
    return names


def column(runs: Sequence[Run], by: str) -> str:
    """Return the name of a column as the runs spell it.

    Args:
        runs: of any corpora
        by: name in any case; "" is returned unchanged

    Raises:
        AffuseError: if no run has such a column; the error lists the columns
    """
    if by in ("", *BY):
        return by  # A footnote reports a field that no utterance has.
    names = column_names(runs)
    matches = [name for name in names if name.casefold() == by.casefold()]
    if not matches:
        raise OptionError(
            f"no groups by {by!r}: choose from {', '.join(names)}{hint(by, names)}"
        )
    return by if by in matches else matches[0]


def column_names(runs: Sequence[Run]) -> list[str]:
    """Return the names of the columns that form groups of any test utterances.

    Args:
        runs: of any corpora
    """
    return [*dict.fromkeys(_columns([row for run in runs for row in _tested(run)]))]


def _columns(tested: Sequence[FoldRow]) -> Iterator[str]:
    """Yield the names of the columns with a value for any test utterance."""
    yield from (name for name in BY if any(group(row, name) for row in tested))
    for columns in {id(row.columns): row.columns for row in tested}.values():
        yield from columns


def _tested(run: Run) -> Iterator[FoldRow]:
    """Return the test rows of folds.csv."""
    return (row for row in run.folds if row.part == "test")


def notes(runs: Sequence[Run], rows: Sequence[TableRow], by: str) -> Iterator[str]:
    """Yield footnotes on utterances without a group and groups without an interval.

    Args:
        runs: of one table
        rows: of that table
        by: the column of the groups; "" if there are none
    """
    names = [n for row in rows for n in row.sections if n.startswith(f"{by} ")]
    if not by or not names:
        return  # Another footnote says that the column has no values.
    unknown = {row.id for run in runs for row in _tested(run) if not group(row, by)}
    if unknown:
        yield (
            f"In no group by {by}, because its value is unknown: "
            f"{count(len(unknown), 'test utterance')}"
        )
    estimates = {n: row.sections[n] for row in rows for n in names if n in row.sections}
    small = sorted(n for n, e in estimates.items() if e.mean.low != e.mean.low)
    if small:
        yield (
            f"Without an interval, because there are too few utterances or "
            f"{estimates[small[0]].unit}s: {', '.join(small)}"
        )
