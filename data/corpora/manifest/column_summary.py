"""Sentences on how the columns of a table are read, and on missing columns."""

import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice

from affuse.data.errors import AffuseError
from affuse.data.extra_columns import KEPT
from affuse.data.modality import other_modalities
from affuse.data.name_spellings import spelling
from affuse.data.rating_scales import RATINGS
from affuse.data.records import Problem, Utterance
from affuse.data.splits.protocol_alternatives import GROUPS, LEAST
from affuse.data.tables import cell_values, column_hints, column_roles
from affuse.data.tables.delimited_tables import DelimitedTable
from affuse.data.tables.unread_columns import Columns, Sorting
from affuse.data.terminal import printable

SHOWN = 30  # columns that one line names
SOUNDS = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aiff")
EXAMINED = 100  # rows whose values may suggest a role
TIMES = ("start", "end", "duration")


def lines(
    tables: Sequence[DelimitedTable], sorting: Sorting, left_out: Collection[str] = ()
) -> Iterator[str]:
    """Yield lines on the columns of each distinct header, and questions about names.

    Args:
        tables: of one corpus
        sorting: of their columns
        left_out: roles that the user left out; no question concerns them
    """
    files: dict[tuple[str, ...], list[str]] = {}
    columns = dict[tuple[str, ...], Columns]()
    for table, table_columns in zip(tables, sorting.tables, strict=True):
        files.setdefault(table.header, []).append(table.path.name)
        columns[table.header] = table_columns
    for header, names in files.items():
        yield from _read(header, columns[header], ", ".join(names))
        (table, *_) = (table for table in tables if table.header == header)
        yield from _questions(table, columns[header], left_out)


def unread_inputs(
    tables: Sequence[DelimitedTable], columns: Mapping[str, str]
) -> list[str]:
    """Return the questions on the columns of tables that have no audio and no text.

    Args:
        tables: of one corpus
        columns: role to column name, as the user chose them
    """
    found: dict[str, None] = {}
    for table in tables:
        aliased = {
            role: index
            for role, names in column_roles.ALIASES.items()
            for index, name in enumerate(table.header)
            if role not in columns and name.casefold() in names
        }
        mapped = {
            role: table.header.index(name)
            for role, name in columns.items()
            if name in table.header
        }
        read = Columns(aliased | mapped)
        found |= dict.fromkeys(_questions(table, read, columns))
    return list(found)


def _read(header: Sequence[str], columns: Columns, file: str) -> Iterator[str]:
    roles = [f"{role} from '{header[index]}'" for role, index in columns.roles.items()]
    roles += [
        f"{role} from the mean of {', '.join(repr(header[i]) for i in places)}"
        for role, places in columns.raters.items()
    ]
    inputs = {
        column: kind.name for kind in other_modalities() for column in kind.columns
    }
    roles += [f"{inputs[n]} from '{n}'" for n in columns.kept if n in inputs]
    yield printable(f"columns of {file} as they are read: {', '.join(roles)}")
    if texts := [f"'{name}'" for name in columns.kept if name not in inputs]:
        yield printable(f"{KEPT}{_join_names(texts)}")
    used = columns.used | {*columns.kept.values()}
    unread = [
        f"'{name}'" if name else f"column {index + 1}, which has no name"
        for index, name in enumerate(header)
        if index not in used
    ]
    if unread:
        yield printable(f"not read: {_join_names(unread)}")
    if values := [f"'{name}'" for name in header if _is_value(name)]:
        predicate = "looks like a value" if len(values) == 1 else "look like values"
        yield printable(
            f"is the first line of {file} a row? it should name the columns, but "
            f"{_join_names(values)} {predicate}"
        )


def _questions(
    table: DelimitedTable, columns: Columns, left_out: Collection[str]
) -> Iterator[str]:
    """Yield a question on each column whose name or values suggest another role."""
    known, used = {*columns.roles, *columns.raters, *left_out}, columns.used
    sounds = _sound_columns(table) if "file" not in known else set()
    for index, name in enumerate(table.header):
        if name and index not in used:
            role = "file" if index in sounds else column_hints.role(name, known)
            if role:
                yield printable(_question(name, role))


def _sound_columns(table: DelimitedTable) -> set[int]:
    """Return the indices of the columns that hold names of audio files only."""
    cells: dict[int, list[str]] = {}
    for row in islice(table.rows(), EXAMINED):
        if not isinstance(row, Problem):
            for index, value in enumerate(row[1][: len(table.header)]):
                if value.strip():
                    cells.setdefault(index, []).append(value.strip().lower())
    return {i for i, values in cells.items() if all(v.endswith(SOUNDS) for v in values)}


def _is_value(name: str) -> bool:
    """Return True if a column's name looks like a value: a number or an audio file.

    Examples:
        >>> _is_value("3.5"), _is_value("wav/a.wav"), _is_value("v1")
        (True, True, False)
    """
    if name.lower().endswith(SOUNDS):
        return True
    try:
        return cell_values.rating(name) is not None
    except AffuseError:
        return False


def _question(name: str, role: str) -> str:
    if role in TIMES and column_hints.has_unit(name):
        return (
            f"is '{name}' the {role}? times are read in seconds, or with a unit as in "
            f"250ms; write them so in a column called {role}"
        )
    return f"is '{name}' the {role}? if so: --map {shlex.quote(f'{role}={name}')}"


def _join_names(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def missing_columns(
    utterances: Sequence[Utterance], protocol: str, left_out: Collection[str] = ()
) -> Iterator[str]:
    """Yield lines on missing ratings and missing speakers.

    Args:
        utterances: all of the corpus
        protocol: the default protocol of the corpus; "" if it has none
        left_out: roles that the user left out; their absence is not reported
    """
    rated = {name for u in utterances for name in u.ratings}
    covered = {*rated, *left_out}
    if rated and (missing := [name for name in RATINGS if name not in covered]):
        yield (
            f"no rating of {' and '.join(missing)} was read, so no model predicts it; "
            f"if a column has it: --map {missing[0]}=COLUMN"
        )
    if not rated:
        return
    complete = sum(rated <= u.ratings.keys() for u in utterances)
    if complete < len(utterances):
        yield (
            f"{len(utterances) - complete:,} of {len(utterances):,} utterances lack a "
            f"rating of {' or '.join(n for n in RATINGS if n in rated)}, so train "
            f"leaves them out"
        )
    if protocol == "official":
        return
    unknown = sum(not u.speaker for u in utterances)
    if unknown:
        yield (
            f"{unknown:,} of {len(utterances):,} utterances have no speaker, and "
            f"protocol speakers needs all of them; if a column has them: --map "
            f"speaker=COLUMN, or --map split=COLUMN for splits of the corpus"
        )
        return
    speakers = len({spelling(u.speaker) for u in utterances if u.ratings})
    if speakers < LEAST:
        yield (
            f"{speakers} of at least {LEAST} speakers that protocol speakers needs; "
            f"add speakers, or a column split with train, dev and test"
        )
    elif speakers < GROUPS:
        yield f"{speakers} speakers have ratings, so train needs --folds {speakers}"
