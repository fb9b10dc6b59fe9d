"""Groups of test utterances by a column of the corpus, such as gender or language."""

from collections.abc import Iterator, Mapping, Sequence

from affuse.data.errors import AffuseError, OptionError
from affuse.data.runs.fold_table import FoldRow
from affuse.data.runs.run_predictions import Run
from affuse.data.suggestions import hint
from affuse.fuse.reporting.table_records import TableRow
from affuse.fuse.wording import count

BY: Mapping[str, str] = {  # fields of a row of folds.csv, by the name of the column
    "gender": "sex",
    **{name: name for name in ("speaker", "session", "dialogue", "recording")},
}
MOST = 50  # groups of one column that are scored apart


def group(row: FoldRow, by: str) -> str:
    """Return the group of an utterance; "" if it is unknown."""
    found: str = getattr(row, BY[by]) if by in BY else row.columns.get(by, "")
    return found


def groups(run: Run, by: str) -> list[str]:
    """Return the groups that test utterances belong to, sorted; none if `by` is "".

    Raises:
        AffuseError: if there are more than `MOST`
    """
    if not by:
        return []
    found = sorted({group(row, by) for row in _tested(run)} - {""})
    if len(found) > MOST:
        raise AffuseError(
            f"the test utterances of run '{run.info.name}' form {len(found)} groups by "
            f"{by!r}, and at most {MOST} are scored apart; choose another column, or "
            f"another corpus with --corpus"
        )
    return found


def column(runs: Sequence[Run], by: str) -> str:
    """Return the name of a column as the runs spell it.

    Args:
        runs: of any corpora
        by: as it was typed, in any case; "" stays

    Raises:
        AffuseError: if no run has such a column; the sentence lists those there are
    """
    if by in ("", *BY):
        return by  # of a field that no utterance has, a footnote says so
    names = dict.fromkeys(_known([row for run in runs for row in _tested(run)]))
    alike = [name for name in names if name.casefold() == by.casefold()]
    if not alike:
        raise OptionError(
            f"no groups by {by!r}: choose from {', '.join(names)}{hint(by, names)}"
        )
    return by if by in alike else alike[0]


def _known(tested: Sequence[FoldRow]) -> Iterator[str]:
    """Yield the names of the columns that any test utterance has a value of."""
    yield from (name for name in BY if any(group(row, name) for row in tested))
    for columns in {id(row.columns): row.columns for row in tested}.values():
        yield from columns


def _tested(run: Run) -> Iterator[FoldRow]:
    return (row for row in run.folds if row.part == "test")


def notes(runs: Sequence[Run], rows: Sequence[TableRow], by: str) -> Iterator[str]:
    """Yield what groups lack: utterances without a value, groups without an interval.

    Args:
        runs: of one table
        rows: of that table
        by: the column of the groups; "" if there are none
    """
    names = [n for row in rows for n in row.sections if n.startswith(f"{by} ")]
    if not by or not names:
        return  # that nothing is known is said elsewhere
    unknown = {row.id for run in runs for row in _tested(run) if not group(row, by)}
    if unknown:
        yield (
            f"In no group by {by}, because it is not known of them: "
            f"{count(len(unknown), 'test utterance')}"
        )
    found = {n: row.sections[n] for row in rows for n in names if n in row.sections}
    small = sorted(n for n, e in found.items() if e.mean.low != e.mean.low)
    if small:
        yield (
            f"Without an interval, because it would rest on too few utterances or "
            f"{found[small[0]].unit}s: {', '.join(small)}"
        )
