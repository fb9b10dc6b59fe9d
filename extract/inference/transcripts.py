"""Transcripts of recordings, from the option --text or a table of files and texts.

Texts are cleaned as in a corpus. An empty text means that no words are spoken, and a
cell with NaN means that the words are not known (see the rule in
`affuse.data.reading.transcript_rule`). Unlike there, a text does not depend on the
others: it counts as empty even if no other text has words.
`affuse.extract.inference.transcript_matching` finds the recording of each row.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from affuse.data.corpora.manifest.doubtful_texts import TextCells
from affuse.data.errors import AffuseError, OptionError
from affuse.data.reading import problem_summary
from affuse.data.records import Problem
from affuse.data.tables import cell_values, column_roles, delimited_tables, span_columns
from affuse.data.tables.delimited_tables import DelimitedTable
from affuse.extract.inference.predicted_segments import PredictedSegment
from affuse.extract.inference.recording_search import Found
from affuse.extract.inference.segments import Recording, TimedText

ROLES = ("file", "text", *span_columns.ALIASES)


@dataclass(frozen=True, slots=True)
class TranscriptRow:
    """Row of a table of transcripts."""

    file: str  # as in the table
    text: TimedText
    line: int  # counted from 1


@dataclass(frozen=True)
class TranscriptTable:
    """Table of transcripts; its paths may be relative to its folder."""

    path: Path
    rows: tuple[TranscriptRow, ...]
    notes: tuple[str, ...] = ()  # on rows that are left out or doubtful


def clean(text: str) -> str:
    """Return a text that a user typed as the text of a corpus would be.

    Args:
        text: as typed; it may be empty

    Raises:
        OptionError: if it has bytes that are no characters
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise OptionError(
            f"the text {text!r} is not valid UTF-8; type it in a terminal that uses "
            f"UTF-8, or write it in a table, and give --transcripts"
        ) from error
    return cell_values.clean_transcript(text)


def text_alone(text: str) -> Recording:
    """Return the input for a text without a recording.

    Args:
        text: as typed

    Raises:
        OptionError: as in `clean`
    """
    return Recording("", texts=(TimedText(clean(text)),))


def with_text(recordings: Iterable[Found], text: str) -> list[Found]:
    """Return the only recording with its text, and the paths that cannot be used.

    Args:
        recordings: as `affuse.extract.inference.recording_search.find` yields them
        text: as typed

    Raises:
        OptionError: if there are several recordings, or as in `clean`
    """
    timed, found, first = TimedText(clean(text)), list[Found](), ""
    for item in recordings:
        if isinstance(item, PredictedSegment):
            found.append(item)
            continue
        if first:  # the search ends here, however many files there are
            raise OptionError(
                f"--text is for one recording, but there are {first!r} and "
                f"{item.file!r}; write the texts in a table with the columns file and "
                f"text, and give --transcripts"
            )
        first = item.file
        found.append(replace(item, texts=(timed,)))
    return found


def read(path: Path, columns: Sequence[str] = ()) -> TranscriptTable:
    """Return the transcripts of a table.

    The columns are ``file`` and ``text``, and for spans ``start`` and ``end`` or
    ``duration`` in seconds, or under other names of
    `affuse.data.tables.column_roles.ALIASES`. All other columns are ignored.

    Args:
        path: of a CSV or TSV file
        columns: values of --map, such as ``text=words``

    Raises:
        FileNotFoundError: if there is no such file
        AffuseError: if it is no readable table
        OptionError: if it is unclear which columns have the files and the texts, or
            if `columns` names another role, or a column that is not there
    """
    table = delimited_tables.load(path)
    roles = _roles(table, column_roles.by_role(columns))
    rows, problems, doubts = list[TranscriptRow](), [*table.notes], TextCells()
    for row in table.rows():
        if isinstance(row, Problem):
            problems.append(row)
            continue
        line, values = row
        cells = {role: values[place].strip() for role, place in roles.items()}
        doubts.count(cells)
        try:
            rows.append(_row(cells, line))
        except AffuseError as error:
            reason = f"row is left out: {error}"
            problems.append(Problem(path.name, reason, line))
    problems += doubts.notes(path.name)
    return TranscriptTable(path, tuple(rows), (*problem_summary.lines(problems),))


def _roles(table: DelimitedTable, columns: Mapping[str, str]) -> dict[str, int]:
    """Return the column index of each role that transcripts have."""
    if strange := sorted(columns.keys() - set(ROLES)):
        raise OptionError(
            f"--map {strange[0]}={columns[strange[0]]}: a table of transcripts has no "
            f"role {strange[0]!r}; choose from {', '.join(ROLES)}"
        )
    unused = dict.fromkeys(column_roles.ALIASES.keys() - set(ROLES), "")
    named = {**unused, **columns}
    try:
        roles = column_roles.roles(table.header, named, table=table.path.name)
    except AffuseError as error:  # whose advice is on options of a corpus
        if columns and not isinstance(error, column_roles.NoInputError):
            raise
        roles = {}
    if not {"file", "text"} <= roles.keys():
        raise OptionError(
            f"--transcripts {table.path}: it is unclear which of the columns "
            f"{', '.join(map(repr, table.header[: column_roles.SHOWN]))} hold the "
            f"recordings and their texts; name one column file and one text, and for "
            f"spans one start and one end, or add --map file=COLUMN --map text=COLUMN"
        )
    return roles


def _row(cells: Mapping[str, str], line: int) -> TranscriptRow:
    """Return a row of transcripts; raise AffuseError if it cannot be used."""
    if not cells["file"]:
        raise AffuseError("it names no file")
    start, end = span_columns.span(cells)
    if start is not None and end is not None and end <= start:
        raise AffuseError(f"its end, {end:g} s, is not after its start, {start:g} s")
    text = cell_values.transcript(cells["text"])
    cleaned = None if text is None else cell_values.clean_transcript(text)
    span = None if start is None else (start, end)
    return TranscriptRow(cells["file"], TimedText(cleaned, span), line)
