"""Table of a corpus in a cache: what stage two needs beside the embeddings.

``<cache>/<corpus>/corpus.json`` holds speakers, sessions, splits and ratings as
released, so that training needs only the cache. It holds no transcripts or recordings.
Instead of a transcript it has a digest, by which equal sentences are detected. Instead
of a recording it has the path in the folder of the corpus and the span in seconds.
"""

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from itertools import chain, count, zip_longest
from pathlib import Path
from typing import Any

from affuse.data import extra_columns, single_ratings
from affuse.data.cache.cache_folder import CorpusFolder
from affuse.data.cache.corpus_table_kinds import HEAD, ROW
from affuse.data.cache.shared_recordings import find_shared, relative_path
from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.records import Corpus, Count, Utterance
from affuse.data.runs.sentence_overlap import sentence_digest
from affuse.data.system.digests import open_checked, write_and_list
from affuse.data.system.documents import parse_json
from affuse.data.system.regular_files import TABLE
from affuse.data.system.schema import Kind

LONGEST = 2**24  # bytes of a line; most lines have less than 1,000
# Missing in older caches.
OPTIONAL_FIELDS = ("sentence", "recording", "columns", "raters")
LOCATION_FIELDS = ("file", "span")  # not compared, because recordings may be moved
log = logging.getLogger(__name__)
LEFT_OUT = ("audio", "transcript", "text")
SPARSE = ("recording", "columns", "file", "channel", "raters")  # only with a value


def save(corpus: Corpus, cache: Path) -> Path:
    """Write the table of a corpus, without its transcripts and recordings.

    Nothing is written if the file has this content. The path of the table is returned.

    Raises:
        AffuseError: if another corpus has this name, since its embeddings would be
            joined with these ratings
    """
    path = CorpusFolder(cache / corpus.name).table
    if path.is_file() and not _is_same(path, corpus):
        raise AffuseError(
            f"the name '{corpus.name}' is taken: {path} was read from another folder; "
            f"give --name, or remove {path.parent} if it is not needed any more"
        )
    try:
        write_and_list(path, _pieces(corpus))
    except OSError as error:  # a cache of an older version may be read-only
        if not path.is_file() or not _repeats(path, corpus):
            raise
        log.warning("%s stays as an older version wrote it: %s", path, error)
    return path


def _pieces(corpus: Corpus) -> Iterator[bytes]:
    """Yield the file line by line, because the whole may be too large for memory."""
    rows = (json.dumps(row) for row in _rows(corpus))
    lines = (row if number == 0 else f",\n{row}" for number, row in enumerate(rows))
    head = f'{{"corpus": {json.dumps(_facts(corpus))}, "utterances": [\n'
    for piece in chain([head], lines, ["\n]}\n"]):
        yield piece.encode()


def _facts(corpus: Corpus) -> dict[str, Any]:
    """Return the facts of a corpus, with a digest of the folder that it is read from.

    It is the folder of its table, because several tables may name the same recordings.
    """
    folder = corpus.table or corpus.root
    root = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    reader = {"reader": corpus.reader} if corpus.reader else {}
    return {
        "name": corpus.name,
        "scale": corpus.scale,
        "protocol": corpus.protocol,
        "nature": corpus.nature,
        "root": root,
        "counts": [asdict(count) for count in corpus.counts],
        **reader,
    }


def _rows(corpus: Corpus) -> Iterator[dict[str, Any]]:
    """Yield the utterances of a corpus, without transcripts and recordings.

    A field in SPARSE is left out if it is empty. So a corpus without values in these
    fields has the same bytes as in older versions.
    """
    recordings = find_shared(corpus.utterances)
    names = [field.name for field in fields(Utterance)]
    for u in corpus.utterances:
        row = {n: None if n in LEFT_OUT else getattr(u, n) for n in names}
        row |= {"sentence": sentence_digest(u), "recording": recordings.get(u.id)}
        row["file"] = relative_path(u, corpus.root)
        row["raters"] = single_ratings.as_lists(u.raters)
        yield {n: v for n, v in row.items() if v or n not in SPARSE}


def _is_same(path: Path, corpus: Corpus) -> bool:
    """Return True if a file is of this corpus, which may have been moved or changed.

    If the root folder is the same, the content may differ. If the root folder is
    another, all rows and the facts of the corpus, such as its nature, must be equal.
    """
    try:
        kept = _kept(path)
        if next(kept)["root"] == _facts(corpus)["root"]:
            return True
        return _repeats(path, corpus)
    except DamagedFileError:
        return True  # it is replaced


def _repeats(path: Path, corpus: Corpus) -> bool:
    """Return True if a file has the facts and rows of a corpus, except its location.

    Fields that the version that wrote the file did not have are not compared.

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
    # The list makes sure that all rows are read, so that any damage raises an error.
    return all([old == new, *(_equal(a, b) for a, b in zip_longest(kept, rows))])


def _equal(old: Any, new: Any) -> bool:
    """Return True if two rows are equal in the fields that the old row has.

    The location of recordings is not compared.
    """
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return bool(old == new)
    ignored = {*LOCATION_FIELDS, *(name for name in OPTIONAL_FIELDS if name not in old)}
    one, other = ({n: v for n, v in r.items() if n not in ignored} for r in (old, new))
    return one == other


def _kept(path: Path) -> Iterator[Any]:
    """Yield the facts that `save` wrote, then its rows, with one row in memory.

    Raises:
        DamagedFileError: if the file is not what `save` wrote
    """
    with open_checked(path, limit=TABLE) as file:
        yield _parsed(file.readline(LONGEST) + b"]}", HEAD, 1)["corpus"]
        for number in count(2):
            line = file.readline(LONGEST)
            if line == b"]}\n":
                return
            if not line:
                raise DamagedFileError("it ends too early")
            if line != b"\n":  # an empty line: the corpus has no rows
                yield _parsed(line.removesuffix(b"\n").removesuffix(b","), ROW, number)


def _parsed(text: bytes, kind: Kind, number: int) -> Any:
    """Return the value in a line; raise DamagedFileError with the line's number."""
    try:
        return parse_json(text, kind)
    except DamagedFileError as error:
        raise DamagedFileError(f"line {number}: {error}") from error


def load(cache: Path, name: str) -> Corpus:
    """Return the corpus that `save` wrote.

    Args:
        cache: folder of all caches
        name: of the corpus

    Raises:
        FileNotFoundError: if no corpus of that name was extracted
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
        raise DamagedFileError(f"{path} is damaged: {error}; extract again") from error


def _utterance(row: Mapping[str, Any]) -> Utterance:
    """Return the utterance in a row of the file."""
    columns = extra_columns.mapping(row.get("columns", {}))
    span = tuple(row["span"]) if row.get("span") else None
    more = {"flags": tuple(row["flags"]), "columns": columns, "span": span}
    raters = single_ratings.from_lists(row.get("raters", {}))
    return Utterance(**{**row, **more, "raters": raters})
