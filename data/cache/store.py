"""Reading and checking of caches, which are folders of immutable parts.

Paths are ``<cache>/<corpus>/<modality>-<encoder>-<digest>/part-00000.h5``, and so on.
The digest is that of the recipe. `affuse.data.cache.parts` reads and writes each part.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from affuse.data.cache.cache_folder import CacheFolder, CorpusFolder, corpora
from affuse.data.cache.checksums import ChecksumError, checksum_path
from affuse.data.cache.parts import Header, check_part, header, part_path, read
from affuse.data.cache.recipe import Recipe
from affuse.data.cache.recording_spans import RecordingSpan, read_spans
from affuse.data.errors import AffuseError, DamagedFileError, MemoryShortageError
from affuse.data.records import Problem

# Kinds of faults. Only DAMAGED and EXTRA files may be removed. An UNKNOWN part is as it
# was published, but by another version or for another folder. An UNREAD part may be
# intact: there was too little memory, or the system could not open it.
DAMAGED, MISSING, EXTRA = "damaged", "missing", "extra"
UNKNOWN, UNREAD = "unknown", "unread"
AGAIN = "repeat the extract command"
Arrays = Mapping[str, np.ndarray]  # of one part, by name


@dataclass(frozen=True)
class Embeddings:
    """Embeddings of one cache folder: all its rows, in the order of its parts."""

    recipe: Recipe
    ids: tuple[str, ...]
    contents: tuple[str, ...]
    values: np.ndarray  # (n, layers, dim); for frames (sum of steps, layers, dim)
    offsets: np.ndarray | None = None  # (n + 1,) for frames
    head: np.ndarray | None = None  # (n, ratings)
    problems: tuple[Problem, ...] = ()
    scratch: Path | None = None  # folder for arrays that are too large for memory
    stretches: tuple[RecordingSpan | None, ...] = ()  # None if the span is unknown

    def chunks(self, rows: np.ndarray) -> Iterator[tuple[int, "Embeddings"]]:
        """Yield the chunks that hold some rows, with the number of their first row.

        Args:
            rows: numbers of rows

        Yields:
            number of the chunk's first row, and the chunk
        """
        if len(rows):
            yield 0, self

    def vector(self, row: int) -> np.ndarray:
        """Return the stored embedding of one utterance.

        Args:
            row: number of the row

        Returns:
            (layers, dim); for frames (steps, layers, dim)
        """
        if self.offsets is None:
            return np.asarray(self.values[row])
        return np.asarray(self.values[self.offsets[row] : self.offsets[row + 1]])


@dataclass(frozen=True)
class Cache:
    """Cache folder as described by the headers of its parts."""

    path: Path
    recipe: Recipe
    planned: int  # number of parts
    present: tuple[int, ...]  # numbers of the existing parts
    rows: int  # utterances in the existing parts
    versions: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()  # in the headers of its parts

    @property
    def complete(self) -> bool:
        """True if all planned parts exist."""
        return set(range(self.planned)) <= set(self.present)


@dataclass(frozen=True)
class Fault:
    """Fault of one part or of a cache folder."""

    path: Path
    kind: str  # DAMAGED, MISSING, EXTRA, UNKNOWN or UNREAD
    reason: str  # in a sentence
    files: tuple[Path, ...] = ()  # that may be removed


def load(cache: Cache) -> Embeddings:
    """Return the embeddings of a cache, after checking each part.

    Args:
        cache: to read

    Raises:
        AffuseError: if a part is damaged, has another recipe, or repeats an id
    """
    parts = [read(part_path(cache.path, n), cache.recipe) for n in cache.present]
    rows = [arrays for arrays, _ in parts if len(arrays["ids"])]
    frames = cache.recipe.pooling == "frames"
    steps = [np.diff(arrays["offsets"]) for arrays in rows] if frames else []
    values = concatenate(rows, "values" if frames else "embeddings")
    return Embeddings(
        recipe=cache.recipe,
        ids=unique_ids(cache.path, rows),
        contents=tuple(c.decode() for arrays in rows for c in arrays["contents"]),
        values=np.empty((0, 0, 0), np.float32) if values is None else values,
        offsets=np.cumsum(np.concatenate([[0], *steps])) if frames else None,
        head=concatenate(rows, "head"),
        problems=tuple(p for _, problems in parts for p in problems),
        stretches=tuple(s for arrays in rows for s in read_spans(arrays)),
    )


def concatenate(parts: Sequence[Arrays], name: str) -> np.ndarray | None:
    """Return one array, concatenated over the parts; None if no part has it.

    Args:
        parts: arrays of each part, by name
        name: of the array
    """
    values = [arrays[name] for arrays in parts if name in arrays]
    return np.concatenate(values) if values else None


def unique_ids(folder: Path, parts: Sequence[Arrays]) -> tuple[str, ...]:
    """Return the ids of all parts.

    Args:
        folder: of the cache, for the message
        parts: arrays of each part, by name

    Raises:
        AffuseError: if an id occurs twice
    """
    ids = tuple(i.decode() for arrays in parts for i in arrays["ids"])
    if twice := [i for i, count in Counter(ids).items() if count > 1]:
        raise AffuseError(
            f"{folder} holds utterance '{twice[0]}' twice; delete it and extract again"
        )
    return ids


def part_numbers(folder: Path) -> tuple[int, ...]:
    """Return the numbers of the parts in a cache folder, in order."""
    return tuple(CacheFolder(folder).parts())


def surplus_files(folder: Path, count: int) -> list[Path]:
    """Return the files of parts with numbers from `count`, and their checksums."""
    return CacheFolder(folder).surplus(count)


def folders(cache: Path, corpus: str = "") -> list[Path]:
    """Return the folders below `cache` with parts, of one corpus or all, sorted."""
    named = [CorpusFolder(cache / corpus)] if corpus else corpora(cache)
    paths = (each.path for folder in named for each in folder.caches())
    return sorted(path for path in paths if part_numbers(path))


def read_headers(folder: Path) -> Cache | None:
    """Return the cache in a folder, without reading the rows; None without any part.

    Raises:
        AffuseError: if a part is damaged, or the parts do not belong together
    """
    present = part_numbers(folder)
    headers = [header(part_path(folder, number)) for number in present]
    if not headers:
        return None
    plans = sorted({h.parts for h in headers})
    if len(plans) > 1:
        raise AffuseError(
            f"the parts in {folder} state different numbers of parts, "
            f"{' and '.join(map(str, plans))}; delete it and extract again"
        )
    return Cache(
        path=folder,
        recipe=headers[0].recipe,
        planned=plans[0],
        present=present,
        rows=sum(h.rows for h in headers),
        versions=headers[0].versions,
        problems=tuple(problem for h in headers for problem in h.problems),
    )


def find(cache: Path, corpus: str = "") -> Iterator[Cache]:
    """Yield the caches below `cache`, of one corpus or all, sorted by path.

    Raises:
        AffuseError: if one of them is damaged; the message names the part
    """
    for folder in folders(cache, corpus):
        content = read_headers(folder)
        if content is not None:
            yield content


def faults(folder: Path) -> Iterator[Fault]:
    """Yield the faults of a cache folder, after checking each byte of its parts."""
    heads: dict[int, Header] = {}
    for number in part_numbers(folder):
        path = part_path(folder, number)
        try:
            heads[number] = check_part(path)
        except ChecksumError as error:
            yield Fault(path, DAMAGED, str(error), (path, checksum_path(path)))
        except DamagedFileError as error:
            yield Fault(path, UNKNOWN, str(error))
        except (MemoryShortageError, OSError) as error:
            yield Fault(path, UNREAD, str(error))
    if not heads:
        return
    name, recipes = folder.name, [head.recipe for head in heads.values()]
    expected = next((r for r in recipes if r.folder() == name), recipes[0])
    if expected.folder() != name:
        reason = f"{folder} holds parts of {expected.folder()}; give it that name"
        yield Fault(folder, UNKNOWN, reason)
    for number, head in heads.items():
        if difference := head.recipe.difference(expected):
            path = part_path(folder, number)
            reason = f"{path} was extracted with {difference} as the others; remove it"
            yield Fault(path, UNKNOWN, reason)
    yield from _plan(folder, {h.parts for h in heads.values() if h.recipe == expected})


def _plan(folder: Path, plans: set[int]) -> Iterator[Fault]:
    """Yield the faults of parts that are missing or surplus, by the planned number."""
    present, planned = part_numbers(folder), max(plans)
    if len(plans) > 1:
        reason = f"parts in {folder} state different numbers of parts, {sorted(plans)}"
        yield Fault(folder, MISSING, f"{reason}; {AGAIN}")
    if more := [n for n in present if n >= planned]:
        reason = f"{folder} must have {planned} parts; delete the surplus parts {more}"
        yield Fault(folder, EXTRA, reason, tuple(surplus_files(folder, planned)))
    if missing := sorted(set(range(planned)) - set(present)):
        first = part_path(folder, missing[0]).name
        reason = f"{folder} lacks {len(missing)} of {planned} parts"
        yield Fault(folder, MISSING, f"{reason}, the first is {first}; {AGAIN}")
