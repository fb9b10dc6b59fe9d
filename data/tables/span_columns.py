"""Columns that locate an utterance in its file: start and end, or start and duration.

A column ``offset`` is the end beside an ``onset``, and the start beside a ``duration``.
In any other table it could be either, so it is refused.
"""

from collections.abc import Mapping, Sequence

from affuse.data.errors import AffuseError
from affuse.data.tables import cell_values

ALIASES: Mapping[str, tuple[str, ...]] = {  # role -> names of columns, in any case
    "start": ("start", "begin", "onset"),
    "end": ("end", "stop", "offset"),
    "duration": ("duration", "dur"),
}
OFFSET = "offset"
TOLERANCE = 0.05  # seconds by which rounded times may disagree


def resolve(
    header: Sequence[str], columns: Mapping[str, str], *, table: str
) -> dict[str, str]:
    """Return the columns by role, after resolving an ``offset`` and a duration.

    Args:
        header: the table's column names
        columns: role to column name, from the option --map; "" leaves a role out
        table: its file name, for the error

    Raises:
        AffuseError: if an ``offset`` could be the start or the end, or if there is an
            end and a duration, but no start

    Examples:
        >>> resolve(["file", "offset", "duration"], {}, table="a.csv")
        {'start': 'offset', 'end': ''}
        >>> resolve(["file", "onset", "offset"], {}, table="a.csv")
        {}
        >>> resolve(["file", "duration"], {}, table="a.csv")
        {'duration': ''}
    """
    resolved = {**columns, **_offset(header, columns, table)}
    if "duration" in columns or not _columns_of(header, resolved, "duration"):
        return resolved
    if _columns_of(header, resolved, "start"):
        return resolved
    if end := _columns_of(header, resolved, "end"):
        duration = _columns_of(header, resolved, "duration")[0]
        raise AffuseError(
            f"{table} has the columns {end[0]!r} and {duration!r}, but no "
            f"column with the start; name it with --map start=COLUMN, or leave the "
            f"duration out with --map duration="
        )
    # A duration without a start is that of the file, which is read completely.
    return {**resolved, "duration": ""}


def _offset(
    header: Sequence[str], columns: Mapping[str, str], table: str
) -> dict[str, str]:
    """Return the roles to map so that a column ``offset`` is read correctly."""
    offset = next((name for name in header if name.casefold() == OFFSET), "")
    if not offset or {"start", "end"} <= columns.keys():
        return {}
    mapped = {role for role in ALIASES if columns.get(role, "").casefold() == OFFSET}
    starts = _columns_of(header, columns, "start")
    ends = [n for n in _columns_of(header, columns, "end") if n.casefold() != OFFSET]
    if mapped == {"end"}:
        return {}
    if mapped:
        return {} if "end" in columns or len(ends) > 1 else {"end": "".join(ends)}
    durations = _columns_of(header, columns, "duration")
    if [name.casefold() for name in starts] == ["onset"] and not ends:
        return {}
    if durations and not starts and not ends and not columns.keys() & ALIASES.keys():
        return {"start": offset, "end": ""}
    times = ", ".join(map(repr, (*starts, *ends, *durations))) or "no other time"
    raise AffuseError(
        f"{table}: column {offset!r} beside {times} could be the start or the end of "
        f"an utterance; choose with --map start={offset} or --map end={offset}, or "
        f"leave it out with --map start= --map end="
        if not starts and not ends
        else f"{table}: column {offset!r} beside {times} could be the start or the "
        f"end of an utterance, or a duration; map all that count, as in --map "
        f"start={(starts or [offset])[0]} --map end={(ends or [offset])[0]}"
    )


def _columns_of(
    header: Sequence[str], columns: Mapping[str, str], role: str
) -> list[str]:
    """Return the columns that would be read as a role."""
    if role in columns:
        return [columns[role]] if columns[role] else []
    return [name for name in header if name.casefold() in ALIASES[role]]


def span(cells: Mapping[str, str]) -> tuple[float | None, float | None]:
    """Return start and end in seconds, both None if the row covers a whole file.

    Args:
        cells: by role; the duration is used where there is no end

    Raises:
        AffuseError: if a cell is not a time

    Examples:
        >>> span({"start": "0.1", "duration": "200ms"}), span({"start": "0"})
        ((0.1, 0.3), (None, None))
    """
    start = cell_values.seconds(cells.get("start", "")) or 0.0
    end = cell_values.seconds(cells.get("end", ""))
    duration = cell_values.seconds(cells.get("duration", ""))
    if end is None and duration is not None:
        end = round(start + duration, 6)  # so that 0.1 + 0.2 gives 0.3
    return (None, None) if (start, end) == (0.0, None) else (start, end)


def contradict(cells: Mapping[str, str]) -> bool:
    """Return True if the duration differs from the time between start and end.

    Args:
        cells: by role, as for `span`

    Examples:
        >>> contradict({"start": "1", "end": "3", "duration": "3"})
        True
    """
    try:
        start, end, duration = (
            cell_values.seconds(cells.get(role, "")) for role in ALIASES
        )
    except AffuseError:
        return False  # reading the row names this error
    if end is None or duration is None:
        return False
    return abs((start or 0.0) + duration - end) > TOLERANCE
