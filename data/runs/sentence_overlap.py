"""Which sentences of a fold's test part were said in training too.

Actors of one script say the same lines in every session, so a model of text can know a
test sentence although it never heard the speaker. Sentences are compared as words
alone: case, punctuation and spaces do not count. Only digests of them are kept.
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

SENTENCE_COLUMNS = ("fold", "id", "seen")  # seen: 1 or 0


def digest(text: str | None) -> str:
    """Sixteen hexadecimal digits, the same for the same words; "" where there are none.

    Examples:
        >>> digest("I don't KNOW !") == digest("i dont know")
        True
        >>> digest(" ... "), digest(None)
        ('', '')
    """
    plain = unicodedata.normalize("NFKC", text or "").casefold()
    words = re.findall(r"\w+", re.sub(r"['’]", "", plain))
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:16] if words else ""


def key(utterance: Utterance) -> str:
    """The digest of what an utterance says; "" if it is not known."""
    return utterance.sentence or digest(utterance.text)


def seen(
    rows: Iterable[FoldRow], keys: Mapping[str, str]
) -> dict[tuple[str, str], bool]:
    """Whether each test utterance's sentence is in its fold's other parts.

    Args:
        rows: all folds of a run
        keys: by utterance id; test utterances without one are not in the answer

    Returns:
        {(fold, id): whether its sentence was seen}, in the order of `rows`
    """
    ordered = list(rows)
    known: dict[str, set[str]] = {}
    for row in ordered:
        if row.part != "test":
            known.setdefault(row.fold, set()).add(keys.get(row.id, ""))
    return {
        (row.fold, row.id): keys[row.id] in known.get(row.fold, set())
        for row in ordered
        if row.part == "test" and keys.get(row.id)
    }


def write_sentences(folder: Path, found: Mapping[tuple[str, str], bool]) -> None:
    """Publish sentences.csv; nothing if nothing is known."""
    rows = [(fold, id_, int(said)) for (fold, id_), said in found.items()]
    if rows:
        write_rows(RunFolder(folder).sentences, SENTENCE_COLUMNS, rows)


def read_sentences(folder: Path) -> dict[tuple[str, str], bool]:
    """What `write_sentences` wrote; {} if there is no file, so nothing is known.

    Raises:
        AffuseError: naming the line that is damaged
    """
    path, found = RunFolder(folder).sentences, {}
    if not os.path.lexists(path) and not is_listed(path):
        return {}
    for line, (fold, id_, said) in read_rows(path, SENTENCE_COLUMNS):
        if said not in ("0", "1"):
            raise DamagedFileError(
                f"{path}, line {line}: seen must be 1 or 0, got {said!r}; {DAMAGED}"
            )
        found[fold, id_] = said == "1"
    return found
