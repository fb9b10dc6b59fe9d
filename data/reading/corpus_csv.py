"""Export of a corpus as a CSV file, with one row for each utterance."""

import csv
from dataclasses import asdict
from typing import TextIO

from affuse.data import extra_columns
from affuse.data.rating_scales import RATINGS
from affuse.data.records import Corpus
from affuse.data.terminal import escape_active

COLUMNS = (
    "id", "speaker", "sex", "session", "dialogue", "scripted", "start", "end", "split",
    "audio", "transcript", "text", *RATINGS, "flags",
)  # fmt: skip


def write_csv(corpus: Corpus, file: TextIO) -> None:
    """Write one row for each utterance, with ratings as released.

    Extra columns follow the columns with a role, under their names in the corpus.

    Args:
        corpus: to write
        file: opened without newline conversion
    """
    writer = csv.writer(file, lineterminator="\n")
    names = (*COLUMNS, *extra_columns.counts(corpus.utterances))
    writer.writerow(map(cell, names))
    for u in corpus.utterances:
        row = {**u.columns, **asdict(u), **u.ratings, "flags": " ".join(u.flags)}
        if u.audio is not None:
            inside = u.audio.is_relative_to(corpus.root)
            row["audio"] = str(u.audio.relative_to(corpus.root) if inside else u.audio)
        if u.scripted is not None:
            row["scripted"] = int(u.scripted)
        writer.writerow([cell(row.get(name)) for name in names])


def cell(value: object) -> object:
    """Return a value that is safe in a CSV file.

    Text that a spreadsheet would run as a formula gets a quote (CWE-1236), and control
    characters of terminals are escaped. Line ends and tabs of the text stay.

    Args:
        value: text, or any other value, which is returned unchanged
    """
    if not isinstance(value, str):
        return value
    # Before Python 3.13, csv writes a lone \r unquoted, and reads it as a row end.
    text = escape_active(value.replace("\r\n", "\n").replace("\r", "\n"))
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\n")) else text
