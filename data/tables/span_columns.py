"""Where in its file an utterance is: start and end, or start and duration.

An ``offset`` is the end beside an ``onset``, and the start beside a ``duration``.
Beside anything else it could be either, and is refused.
"""

from collections.abc import Mapping, Sequence

from affuse.data.errors import AffuseError
from affuse.data.tables import cell_values

ALIASES: Mapping[str, tuple[str, ...]] = {  # role: header names, in any case
    "start": ("start", "begin", "onset"),
    "end": ("end", "stop", "offset"),
    "duration": ("duration", "dur"),
}
OFFSET = "offset"
TOLERANCE = 0.05  # seconds, for times that were rounded


def settled(
    header: Sequence[str], columns: Mapping[str, str], *, table: str
) -> dict[str, str]:
    """Return the columns to read, with what an ``offset`` and a duration mean.

    Args:
        header: the table's column names
        columns: role to column name, as they were asked for; "" leaves a role out
        table: its file name, for the error

    Raises:
        AffuseError: if it could be the start or the end, or if there is an end and a
            duration, but no start

    Examples:
        >>> settled(["file", "offset", "duration"], {}, table="a.csv")
        {'start': 'offset', 'end': ''}
        >>> settled(["file", "onset", "offset"], {}, table="a.csv")
        {}
        >>> settled(["file", "duration"], {}, table="a.csv")
        {'duration': ''}
    """
    found = {**columns, **_offset(header, columns, table)}
    if "duration" in columns or not _named(header, found, "duration"):
        return found
    if _named(header, found, "start"):
        return found
    if end := _named(header, found, "end"):
        duration = _named(header, found, "duration")[0]
        raise AffuseError(
            f"{table} has the columns {end[0]!r} and {duration!r}, but none of the "
            f"start; name it with --map start=COLUMN, or leave the duration out with "
            f"--map duration="
        )
    return {**found, "duration": ""}  # of the file, which is read whole


def _offset(
    header: Sequence[str], columns: Mapping[str, str], table: str
) -> dict[str, str]:
    """Return what has to be asked for so that an ``offset`` is read as it is meant."""
    offset = next((name for name in header if name.casefold() == OFFSET), "")
    if not offset or {"start", "end"} <= columns.keys():
        return {}
    asked = {role for role in ALIASES if columns.get(role, "").casefold() == OFFSET}
    starts = _named(header, columns, "start")
    ends = [n for n in _named(header, columns, "end") if n.casefold() != OFFSET]
    if asked == {"end"}:
        return {}
    if asked:
        return {} if "end" in columns or len(ends) > 1 else {"end": "".join(ends)}
    durations = _named(header, columns, "duration")
    if [name.casefold() for name in starts] == ["onset"] and not ends:
        return {}
    if durations and not starts and not ends and not columns.keys() & ALIASES.keys():
        return {"start": offset, "end": ""}
    others = ", ".join(map(repr, (*starts, *ends, *durations))) or "no other time"
    raise AffuseError(
        f"{table}: column {offset!r} beside {others} could be the start or the end of "
        f"an utterance; say which with --map start={offset} or --map end={offset}, or "
        f"leave it out with --map start= --map end="
        if not starts and not ends
        else f"{table}: column {offset!r} beside {others} could be the start or the "
        f"end of an utterance, or a duration; say all that count, as in --map "
        f"start={(starts or [offset])[0]} --map end={(ends or [offset])[0]}"
    )


def _named(header: Sequence[str], columns: Mapping[str, str], role: str) -> list[str]:
    """Return the columns that would be read as a role."""
    if role in columns:
        return [columns[role]] if columns[role] else []
    return [name for name in header if name.casefold() in ALIASES[role]]


def span(cells: Mapping[str, str]) -> tuple[float | None, float | None]:
    """Return start and end in seconds; both None where the row is a whole file.

    Args:
        cells: by role; the duration counts where there is no end

    Raises:
        AffuseError: if a cell is no time

    Examples:
        >>> span({"start": "0.1", "duration": "200ms"}), span({"start": "0"})
        ((0.1, 0.3), (None, None))
    """
    start = cell_values.seconds(cells.get("start", "")) or 0.0
    end = cell_values.seconds(cells.get("end", ""))
    duration = cell_values.seconds(cells.get("duration", ""))
    if end is None and duration is not None:
        end = round(start + duration, 6)  # 0.1 + 0.2 is 0.3
    return (None, None) if (start, end) == (0.0, None) else (start, end)


def contradict(cells: Mapping[str, str]) -> bool:
    """Return True if a duration is not that from the start to the end.

    Examples:
        >>> contradict({"start": "1", "end": "3", "duration": "3"})
        True
    """
    try:
        start, end, duration = (
            cell_values.seconds(cells.get(role, "")) for role in ALIASES
        )
    except AffuseError:
        return False  # which the reading of the row names
    if end is None or duration is None:
        return False
    return abs((start or 0.0) + duration - end) > TOLERANCE
