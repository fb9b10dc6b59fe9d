"""Transcripts and recordings of a corpus, from the table that `utterances` writes."""

import csv
from dataclasses import dataclass
from pathlib import Path

from affuse.data.errors import DamagedFileError
from affuse.data.options.source_options import WriteUtterances
from affuse.data.system.csv_tables import parse_number
from affuse.data.system.regular_files import TABLE, open_text

WANTED = ("id", "text")


@dataclass(frozen=True)
class ListedUtterance:
    """Utterance in a table: its words, and its place in a recording."""

    text: str  # cleaned transcript; "" if there is none
    audio: str = ""  # path in the folder of the corpus; "" without a recording
    start: float | None = None  # seconds; None: beginning of the recording
    end: float | None = None  # seconds; None: end of the recording


def read_utterance_table(path: Path) -> dict[str, ListedUtterance]:
    """Return the utterances of a table by their ids.

    Args:
        path: of a CSV file with the columns id and text, and those of recordings

    Raises:
        FileNotFoundError: if there is no such file
        DamagedFileError: if it is no such table
    """
    advice = f"write it with: {WriteUtterances(corpus='demo', output='texts.csv')}"
    if not path.exists():
        raise FileNotFoundError(f"{path} not found; {advice}")
    with open_text(path, limit=TABLE, encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        try:
            if not {*WANTED} <= {*(reader.fieldnames or ())}:
                raise ValueError("it has no columns id and text")
            return {row["id"]: _listed(row) for row in reader}
        except (csv.Error, UnicodeDecodeError, ValueError) as error:
            raise DamagedFileError(
                f"{path}, line {reader.line_num}: {error}; {advice}"
            ) from error


def _listed(row: dict[str, str | None]) -> ListedUtterance:
    """Return the utterance of a row.

    Raises:
        ValueError: if a time is no number
    """
    start, end = (
        parse_number(cell) if (cell := row.get(name)) else None
        for name in ("start", "end")
    )
    return ListedUtterance(row["text"] or "", row.get("audio") or "", start, end)
