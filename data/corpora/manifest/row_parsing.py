"""Conversion of one table row to an utterance, with a sentence for each error."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from sys import intern

from affuse.data.corpora.manifest.audio_paths import Folder
from affuse.data.corpora.manifest.row_ids import Identities
from affuse.data.modality import other_modalities
from affuse.data.rating_scales import RATINGS
from affuse.data.records import Utterance
from affuse.data.single_ratings import Summaries
from affuse.data.tables import cell_values, span_columns
from affuse.data.terminal import printable


@dataclass(frozen=True)
class RowValues:
    """Values of one table row."""

    cells: Mapping[str, str]  # by role, for the roles that the table has
    columns: Mapping[str, str]  # by name, of kept columns without a role
    raters: Summaries  # single ratings, whose means become the ratings


def utterance(
    values: RowValues, *, folder: Folder, identities: Identities, fallback: str
) -> tuple[Utterance | None, list[str]]:
    """Return the utterance of a row, and a sentence for each part that is left out.

    Args:
        values: of the row; among its cells, only the text keeps its outer blanks
        folder: the folder that must contain the audio
        identities: ids for rows that name only a file
        fallback: id of the row if it has no id and names no file

    Returns:
        the utterance, None if the row cannot be used; the errors
    """
    cells, columns = values.cells, values.columns
    ratings, errors = read_ratings(cells)
    ratings |= {name: summary.mean for name, summary in values.raters.items()}
    ratings = {name: ratings[name] for name in RATINGS if name in ratings}
    audio, transcript = None, cell_values.transcript(cells.get("text", "NaN"))
    path = folder.relative(cells.get("file", ""))
    if cells.get("file") and not path:
        errors.append(f"audio path {cells['file']!r} names no file; correct the path")
    try:
        audio = folder.file(path) if path else None
    except ValueError as error:
        errors.append(str(error))
    cleaned = None if transcript is None else cell_values.clean_transcript(transcript)
    if audio is None and not cleaned and not _column_modalities(columns):
        return None, errors or ["row has neither audio nor text"]
    try:
        start, end = span_columns.span(cells)
        stem = printable(path)  # an id with unusual blanks would be refused
        record = Utterance(
            id=cells.get("id") or identities.part_id(stem, start, end) or fallback,
            audio=audio,
            span=None if audio is None or start is None else (start, end),
            transcript=transcript,
            text=cleaned,
            ratings=ratings,
            # Rows with equal names share one string, which saves memory.
            speaker=intern(cell_values.name_or_empty(cells.get("speaker", ""))),
            sex=cell_values.SEXES.get(cells.get("sex", "").casefold(), ""),
            session=intern(cell_values.name_or_empty(cells.get("session", ""))),
            dialogue=intern(cell_values.name_or_empty(cells.get("dialogue", ""))),
            scripted=cell_values.SCRIPTED.get(cells.get("scripted", "").casefold()),
            start=start,
            end=end,
            split=intern(cells["split"]),
            columns=columns,
            raters=values.raters,
        )
    except ValueError as error:
        return None, [*errors, str(error)]
    return record, errors


def _column_modalities(columns: Mapping[str, str]) -> list[str]:
    """Return the modalities besides audio and text that a row has by its columns."""
    row, kinds = Utterance("row", columns=columns), other_modalities()
    return [kind.name for kind in kinds if kind.has(row, Path())]


def read_ratings(cells: Mapping[str, str]) -> tuple[dict[str, float], list[str]]:
    """Return the ratings of a row, and a sentence for each malformed one."""
    values, errors = {}, []
    for name in RATINGS:
        try:
            value = cell_values.rating(cells.get(name, ""))
        except ValueError as error:
            errors.append(f"{name} is left out: {error}")
        else:
            if value is not None:
                values[name] = value
    return values, errors
