"""What the columns of the tables of a corpus are taken for: role, kept, or not kept."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from affuse.data.extra_columns import MOST, NAME_LENGTH, VALUE_LENGTH
from affuse.data.modality import other_modalities
from affuse.data.records import Problem
from affuse.data.tables import cell_values, column_roles
from affuse.data.tables.delimited_tables import DelimitedTable
from affuse.data.terminal import printable

EXAMINED = 100  # columns whose values are looked at before the reading
VALUES = 1_000  # different ones of a kept column; a free text or a time has more
SHOWN = 10  # columns that are named in one note
TAKEN = {
    **{name: role for role, names in column_roles.ALIASES.items() for name in names},
    "flags": "flags",
    "recording": "recording",
}


@dataclass(frozen=True)
class Columns:
    """The columns of one table."""

    roles: Mapping[str, int]  # role -> index in the header
    kept: Mapping[str, int] = field(default_factory=dict)  # name -> index


@dataclass(frozen=True)
class Sorting:
    """The columns of all tables of a corpus, and why some are not kept."""

    tables: tuple[Columns, ...]  # in the order of the tables
    dropped: Mapping[str, str]  # name -> reason


def notes(dropped: Mapping[str, str], file: str) -> Iterator[Problem]:
    """Yield one note for each reason not to keep columns.

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
    """Find the role of each column, and the columns that are kept beside those.

    A column is kept if it can form groups: its values are short, and not too many
    differ. At most `MOST` are kept, those that stand first. Columns that hold the
    inputs of a modality are kept in any case.

    Args:
        tables: of one corpus, which are read once more for it
        columns: role to column name, as for `affuse.data.tables.column_roles.roles`

    Raises:
        AffuseError: if it is unclear which column has a role
    """
    roles = [column_roles.roles(t.header, columns, table=t.path.name) for t in tables]
    dropped: dict[str, str] = {}
    found = [named(t.header, r, dropped) for t, r in zip(tables, roles, strict=True)]
    kept = survey(list(zip(tables, found, strict=True)), dropped)
    pairs = zip(roles, found, strict=True)
    return Sorting(
        tuple(Columns(r, {n: f[n] for n in kept if n in f}) for r, f in pairs), dropped
    )


def named(
    header: Sequence[str], roles: Mapping[str, int], dropped: dict[str, str]
) -> dict[str, int]:
    """Return the index of each column that has no role, and a name of its own."""
    found: dict[str, int] = {}
    for index, name in enumerate(header):
        if index in roles.values() or not name:
            continue
        shown = printable(name)
        if role := TAKEN.get(name.casefold()):
            dropped[shown] = f"the name means {role}, which is not read from it"
        elif len(shown) > NAME_LENGTH:
            dropped[f"{shown[:NAME_LENGTH]}..."] = (
                f"the name is longer than {NAME_LENGTH} characters"
            )
        elif shown.casefold() in map(str.casefold, found):
            # a key of its own, so that the first column of the name is kept and counted
            again = f"{shown} (column {index + 1})" if shown in found else shown
            dropped[again] = "another column of the table has the same name"
        else:
            found[shown] = index
    return found


def survey(
    tables: Sequence[tuple[DelimitedTable, Mapping[str, int]]], dropped: dict[str, str]
) -> list[str]:
    """Return the names of the columns that are kept; the reasons of others are added.

    Args:
        tables: each with the index of its columns, by name
        dropped: name to reason, which is added to
    """
    names = list(dict.fromkeys(name for _, found in tables for name in found))
    claimed = {name for kind in other_modalities() for name in kind.columns}
    inputs = [name for name in names if name in claimed]
    names = [name for name in names if name not in claimed]
    for name in names[EXAMINED:]:
        dropped[name] = f"only the first {EXAMINED} columns are looked at"
    values: dict[str, set[str]] = {name: set() for name in names[:EXAMINED]}
    for table, found in tables:
        _collect(table, found, values, dropped)
    for name, different in values.items():
        if name not in dropped and not different:
            dropped[name] = "no row has a value"
    kept = [name for name in values if name not in dropped]
    for name in kept[MOST:]:
        dropped[name] = f"at most {MOST} columns are kept, and others come first"
    return [*inputs, *kept[:MOST]]


def _collect(
    table: DelimitedTable,
    found: Mapping[str, int],
    values: Mapping[str, set[str]],
    dropped: dict[str, str],
) -> None:
    """Add the values of one table, up to the first reason not to keep a column."""
    open_ = {n: i for n, i in found.items() if n in values and n not in dropped}
    if not open_:
        return
    for row in table.rows():
        if isinstance(row, Problem):
            continue  # which the reading names
        for name, index in list(open_.items()):
            value = cell(row[1][index])
            if len(value) > VALUE_LENGTH:
                dropped[name] = f"a value is longer than {VALUE_LENGTH} characters"
            elif value:
                values[name].add(value)
            if len(values[name]) > VALUES:
                dropped[name] = f"more than {VALUES:,} values differ"
            if name in dropped:
                del open_[name]
                values[name].clear()


@lru_cache(4096)  # the same few are in every row
def cell(text: str) -> str:
    """Return a value as it is kept: on one line; "" if it says that nothing is known.

    Examples:
        >>> cell(" de "), cell("NaN")
        ('de', '')
    """
    return printable(cell_values.known(text.strip()))
