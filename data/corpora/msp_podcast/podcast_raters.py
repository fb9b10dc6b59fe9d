"""Ratings by single raters of MSP-Podcast, in any file of a release.

The releases have them in three forms: ``labels_detailed.csv``, whose cell ``EmoDetail``
is the line of a rater or which has a column for each rating; ``labels_detailed.json``;
and ``labels.txt``, where the lines of raters follow the line of a recording.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from pathlib import Path

from affuse.data.corpora.msp_podcast import msp_rater_lines
from affuse.data.corpora.msp_podcast.msp_rater_lines import RaterLine
from affuse.data.corpora.msp_podcast.podcast_tree import WAV
from affuse.data.errors import AffuseError
from affuse.data.records import Problem
from affuse.data.system.documents import read_json
from affuse.data.system.regular_files import TABLE, open_text
from affuse.data.system.schema import MapOf, Plain
from affuse.data.tables import delimited_tables, text_encodings

FILE = "filename"  # column, in lower case
DETAIL = "emodetail"  # column that holds the line of a rater
RATERS = ("workerid", "workers", "worker")  # columns that name a rater
TEXTS = ("emoclass_major", "emoclass_second")  # primary class, secondary classes
COLUMNS = {"A": "emoact", "V": "emoval", "D": "emodom"}  # rating by letter
MOST = 10_000_000  # entries of a JSON file
JSON_FILE = MapOf(MapOf(MapOf(Plain(depth=0))), most=MOST)
NO_RATER_LINE = "not the ratings of one rater; left out"

Rated = tuple[str, RaterLine]  # recording, and the ratings of one rater


def read(path: Path, file: str) -> Iterator[Rated | Problem]:
    """Yield each recording's name with the ratings of one rater, or a problem.

    Args:
        path: ``labels_detailed.csv``, ``labels_detailed.json`` or ``labels.txt``
        file: name of the file, for problems

    Raises:
        AffuseError: if the file cannot be read, or a table lacks its columns
    """
    match path.suffix.lower():
        case ".csv":
            yield from _csv_ratings(path, file)
        case ".json":
            yield from _json_ratings(path, file)
        case _:
            yield from _text_ratings(path, file)


def _csv_ratings(path: Path, file: str) -> Iterator[Rated | Problem]:
    table = delimited_tables.load(path)
    yield from table.notes
    places = {name.lower(): place for place, name in enumerate(table.header)}
    rater = next((name for name in RATERS if name in places), "")
    if FILE not in places or not (DETAIL in places or rater):
        raise AffuseError(
            f"{path} needs the columns FileName and EmoDetail, or FileName and "
            f"WorkerID, but has {', '.join(table.header)}; use the file of the release"
        )
    is_together = DETAIL in places
    columns = (DETAIL,) if is_together else (rater, *TEXTS, *COLUMNS.values())
    wanted = itemgetter(*(places.get(name, -1) for name in (FILE, *columns)))
    for row in table.rows():
        if isinstance(row, Problem):
            yield row
            continue
        line, cells = row
        cells.append("")  # the cell at -1, of a column that the table lacks
        recording, *values = map(str.strip, wanted(cells))
        if is_together:
            yield _rated(recording, values[0], file, line)
        else:
            yield _from_fields(recording, values, file, line)


def _json_ratings(path: Path, file: str) -> Iterator[Rated | Problem]:
    content: Mapping[str, Mapping[str, Mapping[str, object]]] = read_json(
        path, JSON_FILE, advice="copy it again", limit=TABLE, nan_is_null=True
    )
    columns = (*TEXTS, *COLUMNS.values())
    for recording, raters in content.items():
        for rater, fields in raters.items():
            values = {
                name.lower(): "" if value is None else str(value).strip()
                for name, value in fields.items()
            }
            cells = [rater, *(values.get(name, "") for name in columns)]
            yield _from_fields(recording, cells, file)


def _text_ratings(path: Path, file: str) -> Iterator[Rated | Problem]:
    """Yield the ratings of a text; lines before the first recording are skipped."""
    encoding, notes = text_encodings.encoding(path)
    yield from notes
    recording = ""
    with open_text(path, limit=TABLE, encoding=encoding, newline=None) as lines:
        for number, line in enumerate(lines, 1):
            name = line.partition(";")[0].strip()
            if WAV.fullmatch(name):
                recording = name
            elif recording and ";" in line:
                yield _rated(recording, line, file, number)


def _rated(recording: str, text: str, file: str, line: int) -> Rated | Problem:
    """Return the ratings in the line of a rater."""
    try:
        rated = msp_rater_lines.parse(text)
    except AffuseError as error:
        return Problem(file, f"{error}; rater left out", line, recording)
    if rated is None:
        return Problem(file, NO_RATER_LINE, line, recording)
    return recording, rated


def _from_fields(
    recording: str, cells: Sequence[str], file: str, line: int | None = None
) -> Rated | Problem:
    """Return the ratings in the fields of a rater.

    Args:
        recording: name of its file
        cells: rater, `TEXTS` and ratings in the order of `COLUMNS`
        file: name of the table, for problems
        line: of the table
    """
    rater, category, others, *ratings = cells
    try:
        known = _known(*ratings)
    except AffuseError as error:
        return Problem(file, f"{error}; rater left out", line, recording)
    return recording, RaterLine(rater, category, others, known)


@lru_cache(2**14)  # raters use few values
def _known(*ratings: str) -> Mapping[str, float]:
    """Return the ratings that are stated in the cells of `COLUMNS`, by name."""
    return msp_rater_lines.known(dict(zip(COLUMNS, ratings, strict=True)))
