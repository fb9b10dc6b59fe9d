"""Extra columns of a corpus: which columns without a role are kept with utterances."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from affuse.data.extra_columns import MOST, NAME_LENGTH, VALUE_LENGTH
from affuse.data.modality import other_modalities
from affuse.data.records import Problem
from affuse.data.tables import cell_values, column_roles, rater_columns
from affuse.data.tables.delimited_tables import DelimitedTable
from affuse.data.terminal import printable

EXAMINED = 100  # columns whose values are examined before the corpus is read
VALUES = 1_000  # distinct values of a kept column; a free text or a time has more
SHOWN = 10  # columns that are named in one note
TAKEN = {  # name of a column that cannot be kept -> the role that the name means
    **{name: role for role, names in column_roles.ALIASES.items() for name in names},
    "flags": "flags",
    "recording": "recording",
}


@dataclass(frozen=True)
class Columns:
    """Columns of one table: those with a role, and the extra ones that are kept."""

    roles: Mapping[str, int]  # role -> index in the header
    kept: Mapping[str, int] = field(default_factory=dict)  # name -> index
    raters: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # by rating

    @property
    def used(self) -> set[int]:
        """Indices of the columns with a role, including those of single ratings."""
        return {
            *self.roles.values(),
            *(i for each in self.raters.values() for i in each),
        }


@dataclass(frozen=True)
class Sorting:
    """Columns of all tables of a corpus, and the reasons why some are not kept."""

    tables: tuple[Columns, ...]  # in the order of the tables
    dropped: Mapping[str, str]  # name -> reason


def notes(dropped: Mapping[str, str], file: str) -> Iterator[Problem]:
    """Yield one note for each reason why columns are not kept.

    Args:
        dropped: name of a column to the reason
        file: name of the table, or of the tables
    """
    for reason in dict.fromkeys(dropped.values()):
        names = [repr(name) for name, why in dropped.items() if why == reason]
        words = ", ".join(names[:SHOWN])
        if len(names) > SHOWN:
            words += f" and {len(names) - SHOWN} more"
        what = f"{len(names)} column{'s' if len(names) > 1 else ''} not kept"
        yield Problem(file, f"{what}, because {reason}: {words}", fatal=False)


def sort(tables: Sequence[DelimitedTable], columns: Mapping[str, str]) -> Sorting:
    """Return the role of each column, and the extra columns that are kept.

    A column is kept if it can form groups: its values are short, and at most `VALUES`
    of them differ. The first `MOST` such columns are kept. Columns with the inputs of a
    modality are always kept, and do not count towards `MOST`.

    Args:
        tables: of one corpus; they are read an additional time for this
        columns: role to column name, as for `affuse.data.tables.column_roles.roles`, or
            to the columns of several raters, as for `affuse.data.tables.rater_columns`

    Raises:
        AffuseError: if it is unclear which column has a role
    """
    found = [_columns_with_roles(table, columns) for table in tables]
    dropped: dict[str, str] = {}
    indices = [
        candidate_columns(table.header, each.used, dropped)
        for table, each in zip(tables, found, strict=True)
    ]
    names = survey(list(zip(tables, indices, strict=True)), dropped)
    return Sorting(
        tuple(
            replace(each, kept={n: own[n] for n in names if n in own})
            for each, own in zip(found, indices, strict=True)
        ),
        dropped,
    )


def _columns_with_roles(table: DelimitedTable, columns: Mapping[str, str]) -> Columns:
    """Return the columns of a table that have a role, and no others."""
    header, name = table.header, table.path.name
    single, lists = rater_columns.divide(header, columns)
    return Columns(
        column_roles.roles(header, single, table=name),
        raters=rater_columns.indices(header, lists, table=name),
    )


def candidate_columns(
    header: Sequence[str], used: Collection[int], dropped: dict[str, str]
) -> dict[str, int]:
    """Return the index of each column that has no role and a unique name.

    Args:
        header: the table's column names
        used: indices of the columns that have a role
        dropped: name to reason; columns that cannot be kept are added
    """
    indices: dict[str, int] = {}
    for index, name in enumerate(header):
        if index in used or not name:
            continue
        column = printable(name)
        if role := TAKEN.get(name.casefold()):
            dropped[column] = f"the name means {role}, which is not read from it"
        elif len(column) > NAME_LENGTH:
            dropped[f"{column[:NAME_LENGTH]}..."] = (
                f"the name is longer than {NAME_LENGTH} characters"
            )
        elif column.casefold() in map(str.casefold, indices):
            # A different key, so that the first column of the name stays a candidate.
            again = f"{column} (column {index + 1})" if column in indices else column
            dropped[again] = "another column of the table has the same name"
        else:
            indices[column] = index
    return indices


def survey(
    tables: Sequence[tuple[DelimitedTable, Mapping[str, int]]], dropped: dict[str, str]
) -> list[str]:
    """Return the names of the columns to keep, after examining their values.

    Args:
        tables: each with the index of its columns, by name
        dropped: name to reason; columns that are not kept are added
    """
    names = list(dict.fromkeys(name for _, indices in tables for name in indices))
    input_columns = {name for kind in other_modalities() for name in kind.columns}
    inputs = [name for name in names if name in input_columns]
    names = [name for name in names if name not in input_columns]
    for name in names[EXAMINED:]:
        dropped[name] = f"only the first {EXAMINED} columns are looked at"
    values: dict[str, set[str]] = {name: set() for name in names[:EXAMINED]}
    for table, indices in tables:
        _collect(table, indices, values, dropped)
    for name, different in values.items():
        if name not in dropped and not different:
            dropped[name] = "no row has a value"
    names_kept = [name for name in values if name not in dropped]
    for name in names_kept[MOST:]:
        dropped[name] = f"at most {MOST} columns are kept, and others come first"
    return [*inputs, *names_kept[:MOST]]


def _collect(
    table: DelimitedTable,
    indices: Mapping[str, int],
    values: Mapping[str, set[str]],
    dropped: dict[str, str],
) -> None:
    """Collect the values of one table, for each column until it is dropped."""
    pending = {n: i for n, i in indices.items() if n in values and n not in dropped}
    if not pending:
        return
    for row in table.rows():
        if isinstance(row, Problem):
            continue  # reading the corpus names this problem
        for name, index in list(pending.items()):
            value = cell(row[1][index])
            if len(value) > VALUE_LENGTH:
                dropped[name] = f"a value is longer than {VALUE_LENGTH} characters"
            elif value:
                values[name].add(value)
            if len(values[name]) > VALUES:
                dropped[name] = f"more than {VALUES:,} values differ"
            if name in dropped:
                del pending[name]
                values[name].clear()


@lru_cache(4096)  # few values occur in a column, so rows share their objects
def cell(text: str) -> str:
    """Return a value on one line, or "" if the cell marks a missing value.

    Args:
        text: of the cell

    Examples:
        >>> cell(" de "), cell("NaN")
        ('de', '')
    """
    return printable(cell_values.name_or_empty(text.strip()))
