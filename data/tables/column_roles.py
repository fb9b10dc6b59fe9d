"""Which column of a table holds what, by the names that people give them."""

from collections.abc import Mapping, Sequence

from affuse.data.errors import AffuseError, OptionError
from affuse.data.tables import span_columns

SHOWN, LONGEST = 30, 100  # columns, and characters of a name, that an error shows
ALIASES = {  # role: header names, in any case
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


def roles(
    header: Sequence[str], columns: Mapping[str, str], *, table: str
) -> dict[str, int]:
    """Return the index of the column of each role that the table has.

    Args:
        header: the table's column names
        columns: role to column name, for what the aliases do not or should not find;
            an empty name leaves the role out
        table: its file name, for the error

    Raises:
        AffuseError: if a role or a column of `columns` does not exist, if several
            columns have one role, if it is unclear which column is a start or an end,
            or if there is neither audio nor text

    Examples:
        >>> roles(["FileName", "EmoVal", "x"], {"speaker": "x"}, table="labels.csv")
        {'file': 0, 'valence': 1, 'speaker': 2}
    """
    if strange := columns.keys() - ALIASES.keys():
        raise OptionError(
            f"no role {', '.join(map(repr, sorted(strange)))} for a column of "
            f"{table}: choose from {', '.join(ALIASES)}"
        )
    columns = span_columns.settled(header, columns, table=table)
    found = {}
    for role in ALIASES:
        if role in columns:
            index = _named(header, columns[role], role=role, table=table)
        else:
            index = _aliased(header, role, table=table)
        if index is not None:
            found[role] = index
    if not found.keys() & {"file", "text"}:
        raise AffuseError(
            f"{table} has neither a column of audio files nor one of text among "
            f"{_shown(header)}; name it with --map file=COLUMN or text=COLUMN; if "
            f"these are no names of columns, let the first line hold them, divided by "
            f"commas, semicolons or tabs"
        )
    return found


def _shown(header: Sequence[str]) -> str:
    """Return the names of the columns in a few lines."""
    more = f" and {len(header) - SHOWN} more" if len(header) > SHOWN else ""
    names = (n if len(n) <= LONGEST else f"{n[:LONGEST]}..." for n in header[:SHOWN])
    return ", ".join(names) + more


def _named(header: Sequence[str], column: str, *, role: str, table: str) -> int | None:
    """Return the column that was asked for: as it is spelt, else in any case."""
    if not column:
        return None
    hits = [i for i, name in enumerate(header) if name == column]
    hits = hits or _matching(header, (column.casefold(),))
    if len(hits) != 1:
        raise OptionError(
            f"{table} has {len(hits) or 'no'} columns {column!r} for the role {role}; "
            f"its columns are {_shown(header)}"
        )
    return hits[0]


def _aliased(header: Sequence[str], role: str, *, table: str) -> int | None:
    hits = _matching(header, ALIASES[role])
    if len(hits) > 1:
        both = " and ".join(repr(header[i]) for i in hits)
        alike = len({header[i] for i in hits}) < len(hits)
        advice = (
            f"choose one with --map {role}={header[hits[0]]}"
            if not alike
            else "give each a name of its own in the table"
        )
        raise AffuseError(f"{table}: columns {both} are all read as {role}; {advice}")
    return hits[0] if hits else None


def _matching(header: Sequence[str], names: Sequence[str]) -> list[int]:
    return [i for i, name in enumerate(header) if name.casefold() in names]
