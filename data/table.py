"""What stage two needs to know of a corpus, beside its embeddings.

``<cache>/<corpus>/corpus.json`` keeps speakers, sessions, splits and ratings as
released, so that training asks for nothing but the cache. Transcripts and recordings
stay where they are.
"""

import csv
import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TextIO

from data.files import publish
from data.ratings import RATINGS
from data.utterance import Corpus, Count, Utterance

FILE = "corpus.json"
COLUMNS = (
    "id", "speaker", "sex", "session", "dialogue", "scripted", "start", "end", "split",
    "audio", "transcript", "text", *RATINGS, "flags",
)  # fmt: skip


def save(corpus: Corpus, cache: Path) -> Path:
    """Keep a corpus below `cache`, without its transcripts and recordings.

    Raises:
        ValueError: if the name is taken by another corpus, whose embeddings would then
            be joined with these ratings
    """
    root = hashlib.sha256(str(corpus.root.resolve()).encode()).hexdigest()[:16]
    facts = {
        "name": corpus.name,
        "scale": corpus.scale,
        "protocol": corpus.protocol,
        "nature": corpus.nature,
        "root": root,
        "counts": [asdict(count) for count in corpus.counts],
    }
    bare = (
        replace(u, audio=None, span=None, transcript=None, text=None)
        for u in corpus.utterances
    )
    rows = ",\n".join(json.dumps(asdict(u)) for u in bare)
    text = f'{{"corpus": {json.dumps(facts)}, "utterances": [\n{rows}\n]}}\n'
    path = cache / corpus.name / FILE
    if path.is_file() and not _is_same(path.read_text(encoding="utf-8"), text):
        raise ValueError(
            f"the name '{corpus.name}' is taken: {path} was read from another folder; "
            f"give --name, or remove {path.parent} if it is not needed any more"
        )
    publish(path, text.encode())
    return path


def _is_same(old: str, new: str) -> bool:
    """Whether two such files are of one corpus, which may have been moved or changed.

    A folder is itself whatever changes in it; another folder is the same corpus if all
    its rows are, and it does not forget that it is synthetic.
    """
    try:
        a, b = json.loads(old), json.loads(new)
        moved = a["corpus"].pop("root") != b["corpus"].pop("root")
        return not moved or bool(a == b)
    except (KeyError, TypeError, ValueError, RecursionError):
        return True  # damaged: replaced


def load(cache: Path, name: str) -> Corpus:
    """The corpus that `save` kept.

    Raises:
        FileNotFoundError: if none of that name was extracted
        ValueError: if the file is damaged
    """
    path = cache / name / FILE
    if not path.is_file():
        raise FileNotFoundError(f"{path} not found; extract corpus '{name}' again")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        facts, rows = found["corpus"], found["utterances"]
        return Corpus(
            name=facts["name"],
            root=path.parent,
            utterances=tuple(
                Utterance(**{**row, "flags": tuple(row["flags"])}) for row in rows
            ),
            scale=None if facts["scale"] is None else tuple(facts["scale"]),
            protocol=facts["protocol"],
            nature=facts["nature"],
            counts=tuple(Count(**count) for count in facts["counts"]),
        )
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged ({error}); extract again") from error


def write_csv(corpus: Corpus, file: TextIO) -> None:
    """What was read, one row an utterance; ratings as released."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for u in corpus.utterances:
        row = {**asdict(u), **u.ratings, "flags": " ".join(u.flags)}
        if u.audio is not None:
            inside = u.audio.is_relative_to(corpus.root)
            row["audio"] = str(u.audio.relative_to(corpus.root) if inside else u.audio)
        if u.scripted is not None:
            row["scripted"] = int(u.scripted)
        writer.writerow([cell(row.get(name)) for name in COLUMNS])


def cell(value: object) -> object:
    """A value for CSV; text that a spreadsheet would run is quoted (CWE-1236)."""
    if not isinstance(value, str):
        return value
    # before Python 3.13, csv writes a lone \r without quotes, and reads it as a new row
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\n")) else text
