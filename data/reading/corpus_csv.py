"""A corpus as a CSV file for people: one row an utterance, ratings as released."""

import csv
from dataclasses import asdict
from typing import TextIO

from affuse.data import extra_columns
from affuse.data.rating_scales import RATINGS
from affuse.data.records import Corpus
from affuse.data.terminal import inactive

COLUMNS = (
    "id", "speaker", "sex", "session", "dialogue", "scripted", "start", "end", "split",
    "audio", "transcript", "text", *RATINGS, "flags",
)  # fmt: skip


def write_csv(corpus: Corpus, file: TextIO) -> None:
    """Write what was read, one row an utterance; ratings as released.

    Columns that have no role follow the others, by their own names.
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
    """Return a value for CSV.

    Text that a spreadsheet would run is quoted (CWE-1236), and what a terminal acts on
    is escaped; line ends and tabs stay, for text is kept as it was read.
    """
    if not isinstance(value, str):
        return value
    # before Python 3.13, csv writes a lone \r without quotes, and reads it as a new row
    text = inactive(value.replace("\r\n", "\n").replace("\r", "\n"))
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\n")) else text
