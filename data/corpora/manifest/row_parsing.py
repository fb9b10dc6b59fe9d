"""One row of a table to one utterance, and a sentence for whatever is wrong with it."""

from collections.abc import Mapping
from sys import intern

from affuse.data.corpora.manifest import doubtful_texts
from affuse.data.corpora.manifest.audio_paths import Folder, relative
from affuse.data.corpora.manifest.row_ids import Identities
from affuse.data.rating_scales import RATINGS
from affuse.data.records import Utterance
from affuse.data.tables import cell_values, span_columns
from affuse.data.terminal import printable


def utterance(
    cells: Mapping[str, str],
    columns: Mapping[str, str],
    *,
    folder: Folder,
    identities: Identities,
    fallback: str,
) -> tuple[Utterance | None, list[str]]:
    """Return the record of a row, or None, and a sentence on each part left out.

    Args:
        cells: by role, stripped but for the text; roles the table lacks are absent
        columns: value of each column that has no role, by name
        folder: the one that audio must lie in
        identities: which makes the id of a row that names only a file
        fallback: the id if the row has none and names no file
    """
    ratings, wrong = _ratings(cells)
    audio, transcript = None, cell_values.transcript(cells.get("text", "NaN"))
    path = relative(cells.get("file", ""))
    if cells.get("file") and not path:
        wrong.append(f"audio path {cells['file']!r} names no file; correct the path")
    try:
        audio = folder.file(path) if path else None
    except ValueError as error:
        wrong.append(str(error))
    cleaned = None if transcript is None else " ".join(transcript.split())
    if cleaned and doubtful_texts.is_unseen(cleaned):
        cleaned = ""
    cleaned = transcript if cleaned == transcript else cleaned  # one object, not two
    if audio is None and not cleaned:
        return None, wrong or ["row has neither audio nor text"]
    try:
        start, end = span_columns.span(cells)
        stem = printable(path)  # an id with blanks of other kinds would be refused
        record = Utterance(
            id=cells.get("id") or identities.of(stem, start, end) or fallback,
            audio=audio,
            span=None if audio is None or start is None else (start, end),
            transcript=transcript,
            text=cleaned,
            ratings=ratings,
            # one object for all rows that say the same
            speaker=intern(cell_values.name_or_empty(cells.get("speaker", ""))),
            sex=cell_values.SEXES.get(cells.get("sex", "").casefold(), ""),
            session=intern(cell_values.name_or_empty(cells.get("session", ""))),
            dialogue=intern(cell_values.name_or_empty(cells.get("dialogue", ""))),
            scripted=cell_values.SCRIPTED.get(cells.get("scripted", "").casefold()),
            start=start,
            end=end,
            split=intern(cells["split"]),
            columns=columns,
        )
    except ValueError as error:
        return None, [*wrong, str(error)]
    return record, wrong


def _ratings(cells: Mapping[str, str]) -> tuple[dict[str, float], list[str]]:
    """Ratings that are there, and a sentence for each that is malformed."""
    found, wrong = {}, []
    for name in RATINGS:
        try:
            value = cell_values.rating(cells.get(name, ""))
        except ValueError as error:
            wrong.append(f"{name} is left out: {error}")
        else:
            if value is not None:
                found[name] = value
    return found, wrong
