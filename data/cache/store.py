"""Reading of caches, which are folders of immutable parts.

Paths are ``<cache>/<corpus>/<modality>-<encoder>-<digest>/part-00000.h5``, and so on.
The digest is that of the recipe. `affuse.data.cache.parts` reads and writes each part.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from affuse.data.cache.cache_folder import CacheFolder, CorpusFolder, corpora
from affuse.data.cache.parts import header, part_path, read
from affuse.data.cache.recipe import Recipe
from affuse.data.cache.recording_spans import RecordingSpan, read_spans
from affuse.data.errors import AffuseError
from affuse.data.records import Problem

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

    @property
    def width(self) -> int:
        """Number of features of an utterance, over all layers."""
        return math.prod(self.values.shape[1:])

    def columns(
        self, rows: np.ndarray
    ) -> Iterator[tuple[slice, "Embeddings", np.ndarray]]:
        """Yield the columns of each encoder, its embeddings, and its rows.

        Args:
            rows: numbers of rows
        """
        yield slice(0, self.width), self, rows

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


def load(cache: Cache) -> Embeddings:
    """Return the embeddings of a cache, after checking each part.

    Args:
        cache: to read

    Raises:
        AffuseError: if a part is damaged, has another recipe, or repeats an id
    """
    parts = [read(part_path(cache.path, n), cache.recipe) for n in cache.present]
    return join_parts(cache.recipe, parts, cache.path)


def join_parts(
    recipe: Recipe, parts: Sequence[tuple[Arrays, Sequence[Problem]]], place: Path
) -> Embeddings:
    """Return the embeddings of several parts.

    Args:
        recipe: of all parts
        parts: arrays and problems of each part
        place: of the parts, for an error

    Raises:
        AffuseError: if an id occurs twice
    """
    rows = [arrays for arrays, _ in parts if len(arrays["ids"])]
    frames = recipe.pooling == "frames"
    steps = [np.diff(arrays["offsets"]) for arrays in rows] if frames else []
    values = concatenate(rows, "values" if frames else "embeddings")
    return Embeddings(
        recipe=recipe,
        ids=unique_ids(place, rows),
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

    Caches of degraded inputs are left out, because only the command `robustness` uses
    them.

    Raises:
        AffuseError: if one of them is damaged; the message names the part
    """
    for folder in folders(cache, corpus):
        content = read_headers(folder)
        if content is not None and not content.recipe.degradation:
            yield content
