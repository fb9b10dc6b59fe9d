"""What stage two needs to know of a corpus, beside its embeddings.

``<cache>/<corpus>/corpus.json`` keeps speakers, sessions, splits and ratings as
released, so that training asks for nothing but the cache. Transcripts and recordings
stay where they are; of a transcript there is a digest, which tells equal sentences, and
of a recording its path below the folder of the corpus, with the span in seconds.
"""

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from affuse.data import extra_columns
from affuse.data.cache.cache_folder import CorpusFolder
from affuse.data.cache.shared_recordings import inside, shared
from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.records import ID_LENGTH, NATURES, Corpus, Count, Utterance
from affuse.data.runs.sentence_overlap import key
from affuse.data.system.digests import keep, opened
from affuse.data.system.documents import parse_json
from affuse.data.system.regular_files import TABLE
from affuse.data.system.schema import (
    Flag,
    ListOf,
    MapOf,
    Maybe,
    Number,
    OneOf,
    Plain,
    Record,
    Text,
    Whole,
)

LONGEST = 2**24  # bytes of a line; usual are less than 1,000
WORD = Text(10_000)
SECONDS = Maybe(Number(0, 1e9))
NOTHING = OneOf((None,))
HEAD = Record(
    {
        "corpus": Record(
            {
                "name": WORD,
                "scale": Maybe(ListOf(Number(), least=2, most=2)),
                "protocol": WORD,
                "nature": OneOf(NATURES),
                "root": WORD,
                "counts": ListOf(
                    Record({"what": WORD, "expected": Whole(), "found": Whole()})
                ),
            },
            {"reader": WORD},  # which older versions did not keep
        ),
        "utterances": ListOf(Plain(depth=0), most=0),
    }
)
ROW = Record(
    {
        "id": Text(ID_LENGTH, least=1),
        "ratings": MapOf(Number(), most=100),
        "flags": ListOf(WORD, most=100),
    },
    {
        **dict.fromkeys(("audio", "transcript", "text"), NOTHING),
        "span": Maybe(ListOf(SECONDS, least=2, most=2)),
        "file": WORD,
        **dict.fromkeys(("speaker", "sex", "session", "dialogue", "split"), WORD),
        **dict.fromkeys(("start", "end"), SECONDS),
        "scripted": Maybe(Flag()),
        "sentence": WORD,
        "recording": Text(ID_LENGTH, least=1),
        "columns": extra_columns.KIND,
    },
)
LATER = ("sentence", "recording", "columns")  # lacking in caches of older versions
PLACES = ("file", "span")  # a corpus is the same if its recordings are elsewhere
log = logging.getLogger(__name__)
LEFT_OUT = ("audio", "transcript", "text")
SPARSE = ("recording", "columns", "file")  # written where an utterance has them


def save(corpus: Corpus, cache: Path) -> Path:
    """Keep a corpus below `cache`, without its transcripts and recordings.

    Nothing is written if that is there already.

    Raises:
        AffuseError: if the name is taken by another corpus, whose embeddings would then
            be joined with these ratings
    """
    path = CorpusFolder(cache / corpus.name).table
    if path.is_file() and not _is_same(path, corpus):
        raise AffuseError(
            f"the name '{corpus.name}' is taken: {path} was read from another folder; "
            f"give --name, or remove {path.parent} if it is not needed any more"
        )
    try:
        keep(path, _pieces(corpus))
    except OSError as error:  # of an older version, a cache may be read-only
        if not path.is_file() or not _repeats(path, corpus):
            raise
        log.warning("%s stays as an older version wrote it: %s", path, error)
    return path


def _pieces(corpus: Corpus) -> Iterator[bytes]:
    """Yield the file line by line; all of it at once is as large as the corpus."""
    rows = (json.dumps(row) for row in _rows(corpus))
    lines = (row if number == 0 else f",\n{row}" for number, row in enumerate(rows))
    head = f'{{"corpus": {json.dumps(_facts(corpus))}, "utterances": [\n'
    for piece in chain([head], lines, ["\n]}\n"]):
        yield piece.encode()


def _facts(corpus: Corpus) -> dict[str, Any]:
    """Return the facts of a corpus as a whole, with a digest of its root folder."""
    root = hashlib.sha256(str(corpus.root.resolve()).encode()).hexdigest()[:16]
    known = {"reader": corpus.reader} if corpus.reader else {}
    return {
        "name": corpus.name,
        "scale": corpus.scale,
        "protocol": corpus.protocol,
        "nature": corpus.nature,
        "root": root,
        "counts": [asdict(count) for count in corpus.counts],
        **known,
    }


def _rows(corpus: Corpus) -> Iterator[dict[str, Any]]:
    """Yield the utterances of a corpus, without what stays where it is.

    A recording that holds one utterance only is not mentioned, nor are columns where
    there are none, so that such a corpus is kept as older versions kept it.
    """
    recordings = shared(corpus.utterances)
    names = [field.name for field in fields(Utterance)]
    for u in corpus.utterances:
        row = {n: None if n in LEFT_OUT else getattr(u, n) for n in names}
        row |= {"sentence": key(u), "recording": recordings.get(u.id)}
        row["file"] = inside(u, corpus.root)
        yield {n: v for n, v in row.items() if v or n not in SPARSE}


def _is_same(path: Path, corpus: Corpus) -> bool:
    """Return True if a file is of this corpus, which may have been moved or changed.

    A folder is itself whatever changes in it; another folder is the same corpus if all
    its rows are, and it does not forget that it is synthetic.
    """
    try:
        kept = _kept(path)
        if next(kept)["root"] == _facts(corpus)["root"]:
            return True
        return _repeats(path, corpus)
    except DamagedFileError:
        return True  # it is replaced


def _repeats(path: Path, corpus: Corpus) -> bool:
    """Return True if a file has all rows of a corpus, wherever that lies.

    What the version that wrote it did not keep is not compared.

    Raises:
        DamagedFileError: if the file is not what `save` wrote
    """
    kept = _kept(path)
    old, new = next(kept), json.loads(json.dumps(_facts(corpus)))
    if not ("reader" in old and "reader" in new):
        old.pop("reader", None)
        new.pop("reader", None)
    rows = (json.loads(json.dumps(row)) for row in _rows(corpus))
    del old["root"], new["root"]
    # a list, for damage further down is to be met as well
    return all([old == new, *(_equal(a, b) for a, b in zip_longest(kept, rows))])


def _equal(old: Any, new: Any) -> bool:
    """Return True if two rows are equal in the fields that the old version kept.

    The old one then lacks it, and so may a row of this version that has none. Where the
    recordings lie is not compared.
    """
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return bool(old == new)
    left = {*PLACES, *(name for name in LATER if name not in old)}
    one, other = ({n: v for n, v in r.items() if n not in left} for r in (old, new))
    return one == other


def _kept(path: Path) -> Iterator[Any]:
    """Yield the facts that `save` wrote, then the rows, one in memory at a time.

    Raises:
        DamagedFileError: if the file is not what `save` wrote
    """
    with opened(path, limit=TABLE) as file:
        yield parse_json(file.readline(LONGEST) + b"]}", HEAD)["corpus"]
        while line := file.readline(LONGEST):
            if line == b"]}\n":
                return
            if line != b"\n":  # of a corpus without rows
                yield parse_json(line.removesuffix(b"\n").removesuffix(b","), ROW)
    raise DamagedFileError("it ends too early")


def load(cache: Path, name: str) -> Corpus:
    """Return the corpus that `save` kept.

    Raises:
        FileNotFoundError: if none of that name was extracted
        DamagedFileError: if the file is damaged
    """
    path = CorpusFolder(cache / name).table
    if not os.path.lexists(path):
        raise FileNotFoundError(f"{path} not found; extract corpus '{name}' again")
    try:
        rows = _kept(path)
        facts = next(rows)
        return Corpus(
            name=facts["name"],
            root=path.parent,
            utterances=tuple(map(_utterance, rows)),
            scale=None if facts["scale"] is None else tuple(facts["scale"]),
            protocol=facts["protocol"],
            nature=facts["nature"],
            counts=tuple(Count(**count) for count in facts["counts"]),
            reader=facts.get("reader", ""),
        )
    except AffuseError as error:
        raise DamagedFileError(f"{path} is damaged ({error}); extract again") from error


def _utterance(row: Mapping[str, Any]) -> Utterance:
    """Return the record of a row of the file."""
    columns = extra_columns.mapping(row.get("columns", {}))
    span = tuple(row["span"]) if row.get("span") else None
    more = {"flags": tuple(row["flags"]), "columns": columns, "span": span}
    return Utterance(**{**row, **more})
