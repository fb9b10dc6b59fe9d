"""Turns of speakers from a table or an RTTM file, as diarisation tools write them.

Speakers are not recognised here. `affuse.extract.inference.segment_building` gives each
segment the speaker who talks longest in it.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from affuse.data.errors import AffuseError, OptionError
from affuse.data.reading import problem_summary
from affuse.data.records import Problem
from affuse.data.system.regular_files import TABLE, open_regular
from affuse.data.tables import cell_values, column_roles, delimited_tables, span_columns
from affuse.extract.inference.recording_matching import match_rows
from affuse.extract.inference.recording_search import Found
from affuse.extract.inference.segments import Recording, SpeakerTurn

ROLES = ("file", "speaker", *span_columns.ALIASES)
NEEDED = {"file", "speaker", "start"}  # roles, beside an end or a duration
RTTM = ".rttm"  # ending of a file in the format of NIST
FIELDS = 8  # of a line of RTTM up to the speaker: type file channel start duration ...


@dataclass(frozen=True, slots=True)
class SpeakerRow:
    """Turn of a speaker in a recording."""

    file: str  # as in the table
    turn: SpeakerTurn
    line: int  # counted from 1


@dataclass(frozen=True)
class SpeakerTable:
    """Turns of speakers; the paths may be relative to the folder of the table."""

    path: Path
    rows: tuple[SpeakerRow, ...]
    notes: tuple[str, ...] = ()  # on rows that are left out


def read_turns(path: Path) -> SpeakerTable:
    """Return the turns of speakers in a file.

    A file with the ending ``.rttm`` has lines ``SPEAKER file channel start duration
    <NA> <NA> speaker <NA> <NA>``; other lines and the channel are ignored. Any other
    file is a table with the columns ``file``, ``start``, ``end`` or ``duration``, and
    ``speaker``, or under other names of `affuse.data.tables.column_roles.ALIASES`.

    Args:
        path: of the file

    Raises:
        FileNotFoundError: if there is no such file
        AffuseError: if it is no readable table
        OptionError: if it lacks a column, or has no turn
    """
    is_rttm = path.suffix.casefold() == RTTM
    rows, problems = list[SpeakerRow](), list[Problem]()
    for line, cells in _rttm_rows(path) if is_rttm else _table_rows(path, problems):
        try:
            rows.append(_row(cells, line))
        except AffuseError as error:
            reason = f"row is left out: {error}"
            problems.append(Problem(path.name, reason, line))
    if not rows:
        raise OptionError(f"--speakers {path}: the file has no turn of a speaker")
    return SpeakerTable(path, tuple(rows), (*problem_summary.lines(problems),))


def _rttm_rows(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Yield the line number and the cells by role of each turn in an RTTM file."""
    with open_regular(path, limit=TABLE) as file:
        for number, line in enumerate(file, 1):
            words = line.decode(errors="replace").split()
            if len(words) >= FIELDS and words[0] == "SPEAKER":
                _, name, _, start, duration, _, _, speaker, *_ = words
                cells = {"file": name, "start": start, "duration": duration}
                yield number, {**cells, "speaker": speaker}


def _table_rows(
    path: Path, problems: list[Problem]
) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Yield the line number and the cells by role of each row; add the problems."""
    table = delimited_tables.load(path)
    unused = dict.fromkeys(column_roles.ALIASES.keys() - set(ROLES), "")
    try:
        roles = column_roles.roles(table.header, unused, table=path.name)
    except AffuseError:  # its advice is on options that tables of a corpus have
        roles = {}
    if not (roles.keys() >= NEEDED and {"end", "duration"} & roles.keys()):
        names = ", ".join(map(repr, table.header[: column_roles.SHOWN]))
        raise OptionError(
            f"--speakers {path}: its columns are {names}; name one column file, one "
            f"start, one end and one speaker"
        )
    problems += table.notes
    for row in table.rows():
        if isinstance(row, Problem):
            problems.append(row)
        else:
            line, values = row
            yield line, {role: values[place].strip() for role, place in roles.items()}


def _row(cells: Mapping[str, str], line: int) -> SpeakerRow:
    """Return a turn; raise AffuseError if it cannot be used."""
    for role in ("file", "speaker"):
        if not cells[role]:
            raise AffuseError(f"it names no {role}")
    begin = cell_values.seconds(cells["start"])
    start, end = span_columns.span(cells)
    if begin is None or end is None or start is None or end <= start:
        raise AffuseError("it has no end after its start")
    return SpeakerRow(cells["file"], SpeakerTurn(start, end, cells["speaker"]), line)


def with_turns(
    recordings: Iterable[Found],
    table: SpeakerTable,
    arguments: Iterable[str | os.PathLike[str]],
    say: Callable[[str], object],
) -> list[Found]:
    """Return all recordings with the turns of their speakers.

    `affuse.extract.inference.recording_matching.match_rows` finds the recording of
    each row.

    Args:
        recordings: as `affuse.extract.inference.recording_search.find` yields them
        table: of turns
        arguments: files and folders that were searched
        say: called with a sentence on rows and recordings without a partner

    Raises:
        AffuseError: if a name in the table stands for several recordings
    """
    found = list(recordings)
    matched = match_rows(found, table.rows, table.path, arguments)
    for sentence in (*table.notes, *matched.notes("speakers")):
        say(sentence)
    return [
        _with_rows(item, matched.rows.get(place, ()))
        for place, item in enumerate(found)
    ]


def _with_rows(item: Found, rows: Sequence[SpeakerRow]) -> Found:
    """Return a recording with its turns in the order of time."""
    if not (rows and isinstance(item, Recording)):
        return item
    turns = sorted((row.turn for row in rows), key=lambda turn: (turn.start, turn.end))
    return replace(item, turns=tuple(turns))
