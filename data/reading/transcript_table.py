"""Transcripts of a corpus by id, from the table that `utterances` writes."""

import csv
from pathlib import Path

from affuse.data.errors import DamagedFileError
from affuse.data.options.source_options import WriteUtterances
from affuse.data.system.regular_files import TABLE, open_text

WANTED = ("id", "text")


def read_transcripts(path: Path) -> dict[str, str]:
    """Return the cleaned transcript of each utterance by its id.

    Args:
        path: of a CSV file with the columns id and text

    Raises:
        FileNotFoundError: if there is no such file
        DamagedFileError: if it is no such table
    """
    advice = f"write it with: {WriteUtterances(corpus='demo', output='texts.csv')}"
    with open_text(path, limit=TABLE, encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        try:
            if not {*WANTED} <= {*(reader.fieldnames or ())}:
                raise DamagedFileError(f"{path} has no columns id and text; {advice}")
            return {row["id"]: row["text"] or "" for row in reader}
        except (csv.Error, UnicodeDecodeError) as error:
            raise DamagedFileError(
                f"{path} is no CSV table: {error}; {advice}"
            ) from error
