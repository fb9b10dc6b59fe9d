"""Roles of the columns of a table, found by their names or by the option --map.

Cells are converted in `affuse.data.tables.cell_values`; columns of times are resolved
in `affuse.data.tables.span_columns`.
"""

from collections.abc import Mapping, Sequence

from affuse.data.errors import AffuseError, OptionError
from affuse.data.rating_scales import RATINGS
from affuse.data.tables import span_columns

SHOWN, LONGEST = 30, 100  # columns, and characters of a name, that an error shows
ALIASES = {  # role -> names of columns, in any case
    "id": ("id", "utterance", "utterance_id", "segment_id"),
    "file": ("file", "path", "wav", "audio", "filename"),
    **span_columns.ALIASES,
    "valence": ("valence", "val", "v", "emoval"),
    "arousal": ("arousal", "activation", "act", "a", "emoact"),
    "dominance": ("dominance", "dom", "d", "emodom"),
    "text": ("text", "transcript", "transcription", "sentence"),
    "speaker": ("speaker", "speaker_id", "spkrid"),
    "sex": ("sex", "gender"),
    "session": ("session",),
    "dialogue": ("dialogue", "dialog", "conversation"),
    "scripted": ("scripted",),
    "split": ("split", "split_set", "partition"),
}


class NoInputError(AffuseError):
    """Error on a table without a column of audio files and without one of texts."""


def by_role(items: Sequence[str]) -> dict[str, str]:
    """Return the names of columns by role.

    Args:
        items: values of the option --map, such as ``valence=proxy_V``

    Raises:
        OptionError: if a value names no column, or a role has two

    Examples:
        >>> by_role(["text=words", "start="])
        {'text': 'words', 'start': ''}
    """
    columns: dict[str, str] = {}
    for item in items:
        role, mark, column = item.partition("=")
        if not mark:
            raise OptionError(f"--map {item}: write ROLE=COLUMN, e.g. valence=proxy_V")
        if role in columns:
            raise OptionError(f"--map {item}: {role} is mapped twice; leave one out")
        columns[role] = column
    return columns


def roles(
    header: Sequence[str], columns: Mapping[str, str], *, table: str
) -> dict[str, int]:
    """Return the column index of each role that the table has.

    Args:
        header: the table's column names
        columns: role to column name, where the aliases find no column or a wrong one;
            an empty name leaves the role out
        table: its file name, for the error

    Raises:
        AffuseError: if a role or a column of `columns` does not exist, if several
            columns have one role, or if it is unclear which column is a start or an end
        NoInputError: if there is neither audio nor text

    Examples:
        >>> roles(["FileName", "EmoVal", "x"], {"speaker": "x"}, table="labels.csv")
        {'file': 0, 'valence': 1, 'speaker': 2}
    """
    if strange := columns.keys() - ALIASES.keys():
        raise OptionError(
            f"no role {', '.join(map(repr, sorted(strange)))} for a column of "
            f"{table}: choose from {', '.join(ALIASES)}"
        )
    columns = span_columns.resolve(header, columns, table=table)
    indices = {}
    for role in ALIASES:
        if role in columns:
            name = columns[role]
            index = mapped_index(header, name, role=role, table=table) if name else None
        else:
            index = _aliased_index(header, role, table=table)
        if index is not None:
            indices[role] = index
    _demand_different_ratings(header, indices)
    if not indices.keys() & {"file", "text"}:
        raise NoInputError(
            f"{table} has neither a column of audio files nor one of text among "
            f"{_listing(header)}; name it with --map file=COLUMN or text=COLUMN; if "
            f"these are no names of columns, let the first line hold them, divided by "
            f"commas, semicolons or tabs"
        )
    return indices


def _demand_different_ratings(
    header: Sequence[str], indices: Mapping[str, int]
) -> None:
    """Raise an error if two ratings are read from one column."""
    role_by_column: dict[int, str] = {}
    for role in RATINGS:
        if role in indices:
            other = role_by_column.setdefault(indices[role], role)
            if other != role:
                raise OptionError(
                    f"{other} and {role} are both read from column "
                    f"'{header[indices[role]]}'; name another column for one of them, "
                    f"or leave it out, as in --map {role}="
                )


def _listing(header: Sequence[str]) -> str:
    """Return a list of the first columns' names for an error, cut to a few lines."""
    more = f" and {len(header) - SHOWN} more" if len(header) > SHOWN else ""
    names = (n if len(n) <= LONGEST else f"{n[:LONGEST]}..." for n in header[:SHOWN])
    return ", ".join(names) + more


def mapped_index(header: Sequence[str], column: str, *, role: str, table: str) -> int:
    """Return the index of a column, matching its exact spelling before any case.

    Args:
        header: the table's column names
        column: name of the column
        role: of the column, for the error
        table: its file name, for the error

    Raises:
        OptionError: if no column, or more than one, has the name
    """
    matches = [i for i, name in enumerate(header) if name == column]
    matches = matches or _matching(header, (column.casefold(),))
    if len(matches) != 1:
        raise OptionError(
            f"{table} has {len(matches) or 'no'} columns {column!r} for the role "
            f"{role}; its columns are {_listing(header)}"
        )
    return matches[0]


def _aliased_index(header: Sequence[str], role: str, *, table: str) -> int | None:
    """Return the index of the only column whose name is an alias of a role."""
    matches = _matching(header, ALIASES[role])
    if len(matches) > 1:
        both = " and ".join(repr(header[i]) for i in matches)
        same_name = len({header[i] for i in matches}) < len(matches)
        advice = (
            f"choose one with --map {role}={header[matches[0]]}"
            if not same_name
            else "give them different names in the table"
        )
        raise AffuseError(f"{table}: columns {both} are all read as {role}; {advice}")
    return matches[0] if matches else None


def _matching(header: Sequence[str], names: Sequence[str]) -> list[int]:
    """Return the indices of the columns whose name is among these, in any case."""
    return [i for i, name in enumerate(header) if name.casefold() in names]
