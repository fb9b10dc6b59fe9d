"""Sentence overlap between the test part of a fold and its other parts.

Actors read the same script in every session. So a model may have seen a test sentence
in training, although the speaker is new to it. Sentences are compared by their words;
case, punctuation and spaces are ignored. Only digests of sentences are kept.
"""

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path

from affuse.data.errors import DamagedFileError
from affuse.data.records import Utterance
from affuse.data.runs.fold_table import FoldRow
from affuse.data.runs.run_folder import RunFolder
from affuse.data.system.csv_tables import DAMAGED, read_rows, write_rows
from affuse.data.system.digests import is_listed

SENTENCE_COLUMNS = ("fold", "id", "seen")  # seen: 1 if the sentence overlaps, else 0


def digest(text: str | None) -> str:
    """Return a digest of the words of a text; "" if it has no words.

    Args:
        text: cleaned transcript, or None

    Returns:
        16 hexadecimal digits, equal for equal words

    Examples:
        >>> digest("I don't KNOW !") == digest("i dont know")
        True
        >>> digest(" ... "), digest(None)
        ('', '')
    """
    plain = unicodedata.normalize("NFKC", text or "").casefold()
    words = re.findall(r"\w+", re.sub(r"['’]", "", plain))
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:16] if words else ""


def sentence_digest(utterance: Utterance) -> str:
    """Return the digest of an utterance's sentence; "" if it is not known.

    Args:
        utterance: of a corpus reader, or of a cache
    """
    return utterance.sentence or digest(utterance.text)


def find_overlaps(
    rows: Iterable[FoldRow], keys: Mapping[str, str]
) -> dict[tuple[str, str], bool]:
    """Return the test utterances, with True if their sentence is in another part.

    Args:
        rows: of all folds of a run
        keys: digests of sentences by utterance id; the result lacks test utterances
            without a digest

    Returns:
        {(fold, id): True if training or validation has the sentence}, in the order of
        `rows`
    """
    ordered = list(rows)
    sentences: dict[str, set[str]] = {}  # outside the test part, by fold
    for row in ordered:
        if row.part != "test":
            sentences.setdefault(row.fold, set()).add(keys.get(row.id, ""))
    return {
        (row.fold, row.id): keys[row.id] in sentences.get(row.fold, set())
        for row in ordered
        if row.part == "test" and keys.get(row.id)
    }


def write_sentences(folder: Path, overlaps: Mapping[tuple[str, str], bool]) -> None:
    """Write sentences.csv atomically, unless there is nothing to write.

    Args:
        folder: of the run
        overlaps: as `find_overlaps` returns them
    """
    rows = [(fold, id_, int(overlap)) for (fold, id_), overlap in overlaps.items()]
    if rows:
        write_rows(RunFolder(folder).sentences, SENTENCE_COLUMNS, rows)


def read_sentences(folder: Path) -> dict[tuple[str, str], bool]:
    """Return the overlaps in sentences.csv, or {} if there is no such file.

    Args:
        folder: of the run

    Raises:
        DamagedFileError: if a line is damaged; the message names it
    """
    path, overlaps = RunFolder(folder).sentences, {}
    if not os.path.lexists(path) and not is_listed(path):
        return {}
    for line, (fold, id_, cell) in read_rows(path, SENTENCE_COLUMNS):
        if cell not in ("0", "1"):
            raise DamagedFileError(
                f"{path}, line {line}: seen must be 1 or 0, got {cell!r}; {DAMAGED}"
            )
        overlaps[fold, id_] = cell == "1"
    return overlaps
