"""The embedding cache: folders of immutable parts, and the corpora they came from.

``<cache>/<corpus>/<modality>-<encoder>-<digest>/part-00000.h5`` and on, each as
`data.parts` describes. The digest is the recipe's, so what is found under a name is
what the name promises.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

from data.parts import part_path, read
from data.recipe import Recipe
from data.utterance import Problem


@dataclass(frozen=True)
class Embeddings:
    """All rows of one cache folder, in the order of its parts."""

    recipe: Recipe
    ids: tuple[str, ...]
    contents: tuple[str, ...]
    values: np.ndarray  # (n, layers, dim); for frames (sum of steps, layers, dim)
    offsets: np.ndarray | None = None  # (n + 1,) for frames
    head: np.ndarray | None = None  # (n, ratings)
    problems: tuple[Problem, ...] = ()

    def vector(self, row: int) -> np.ndarray:
        """What was stored for one utterance: (layers, dim) or (steps, layers, dim)."""
        if self.offsets is None:
            return np.asarray(self.values[row])
        return np.asarray(self.values[self.offsets[row] : self.offsets[row + 1]])


@dataclass(frozen=True)
class Cache:
    """One folder of parts, as `find` sees it without reading the rows."""

    path: Path
    recipe: Recipe
    planned: int  # parts
    present: tuple[int, ...]  # numbers of the parts that are there
    rows: int  # utterances in them
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every planned part is there."""
        return len(self.present) == self.planned


def load(cache: Cache) -> Embeddings:
    """Read every part of a cache folder, checked against checksum and recipe.

    Raises:
        ValueError: if a part is damaged, of another recipe, or repeats an id
    """
    parts = [read(part_path(cache.path, n), cache.recipe) for n in cache.present]
    rows = [arrays for arrays, _ in parts if len(arrays["ids"])]

    def joined(name: str) -> np.ndarray | None:
        found = [arrays[name] for arrays in rows if name in arrays]
        return np.concatenate(found) if found else None

    ids = tuple(i.decode() for arrays in rows for i in arrays["ids"])
    if len(set(ids)) < len(ids):
        raise ValueError(f"{cache.path} holds an utterance twice; extract again")
    frames = cache.recipe.pooling == "frames"
    steps = [np.diff(arrays["offsets"]) for arrays in rows] if frames else []
    values = joined("values" if frames else "embeddings")
    return Embeddings(
        recipe=cache.recipe,
        ids=ids,
        contents=tuple(c.decode() for arrays in rows for c in arrays["contents"]),
        values=np.empty((0, 0, 0), np.float32) if values is None else values,
        offsets=np.cumsum(np.concatenate([[0], *steps])) if frames else None,
        head=joined("head"),
        problems=tuple(p for _, problems in parts for p in problems),
    )


def numbers(folder: Path) -> tuple[int, ...]:
    """Numbers of the parts in a folder, in order."""
    found = folder.glob("part-[0-9][0-9][0-9][0-9][0-9].h5")
    return tuple(sorted(int(path.stem[5:]) for path in found))


def look(folder: Path) -> Cache | None:
    """What one folder holds, without reading the rows; None if no part is there.

    Raises:
        ValueError: if a part is no part of this project; the sentence names it
    """
    present, rows, first = numbers(folder), 0, None
    for number in present:
        path = part_path(folder, number)
        try:
            with h5py.File(path, "r", locking=False) as file:
                rows += len(file["ids"])
                first = first or dict(file.attrs)
        except (OSError, KeyError) as error:
            raise ValueError(f"{path} is damaged: {error}; extract again") from error
    if first is None:
        return None
    return Cache(
        path=folder,
        recipe=Recipe.parse(first["recipe"]),
        planned=int(first["parts"]),
        present=present,
        rows=rows,
        versions=json.loads(first["versions"]),
    )


def find(cache: Path) -> Iterator[Cache]:
    """Every cache folder below `cache`, sorted by path."""
    for folder in sorted(cache.glob("*/*-*-*/")):
        found = look(folder)
        if found is not None:
            yield found


def superseded(caches: Sequence[Cache]) -> set[Path]:
    """Folders for which a later one of the same recipe holds as many rows or more.

    They differ in the corpus's content only: a repaired recording, or ``--limit``.
    """
    losers = set()
    for old in caches:
        for new in caches:
            rank = (new.rows, new.path.stat().st_mtime) > (
                old.rows,
                old.path.stat().st_mtime,
            )
            if rank and new.recipe.same_but_content(old.recipe):
                losers.add(old.path)
    return losers


def verify(cache: Path) -> Iterator[str]:
    """A sentence for every part below `cache` that is damaged or missing."""
    for folder in sorted(cache.glob("*/*-*-*/")):
        try:
            found = look(folder)
            for number in numbers(folder):
                read(part_path(folder, number), found.recipe if found else None)
        except ValueError as error:
            yield str(error)
            continue
        if found is not None and not found.complete:
            yield f"{folder}: {len(found.present)} of {found.planned} parts are there"
