"""Streaming of embeddings: values are read part by part when they are needed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from affuse.data.cache.embedding_views import narrow
from affuse.data.cache.parts import outline, part_path, read
from affuse.data.cache.recipe import Recipe
from affuse.data.cache.recording_spans import read_spans
from affuse.data.cache.store import Cache, Embeddings, concatenate, unique_ids
from affuse.data.errors import AffuseError
from affuse.data.system import scratch_arrays


@dataclass(frozen=True)
class StreamedEmbeddings(Embeddings):
    """Embeddings of one cache folder whose values are read when they are needed.

    `values` has the right numbers of layers and features, but no rows. The method
    `chunks` yields the rows, with one part in memory at a time.
    """

    folder: Path = Path()
    begins: tuple[tuple[int, int], ...] = ()  # number and first row of each part

    def chunks(self, rows: np.ndarray) -> Iterator[tuple[int, Embeddings]]:
        """Yield the parts that hold some rows, with the number of their first row.

        Args:
            rows: numbers of rows

        Yields:
            number of the part's first row, and the part

        Raises:
            AffuseError: if a part is damaged, or was changed since it was opened
        """
        ends = [*(first for _, first in self.begins[1:]), len(self.ids)]
        for (number, first), end in zip(self.begins, ends, strict=True):
            if ((rows >= first) & (rows < end)).any():
                yield first, self._part(number, self.ids[first:end])

    def _part(self, number: int, ids: tuple[str, ...]) -> Embeddings:
        path = part_path(self.folder, number)
        arrays, _ = read(path, self.recipe)
        if tuple(i.decode() for i in arrays["ids"]) != ids:
            raise AffuseError(
                f"{path} was changed while it was read; repeat the command"
            )
        frames = self.recipe.pooling == "frames"
        return Embeddings(
            recipe=self.recipe,
            ids=ids,
            contents=(),
            values=arrays["values" if frames else "embeddings"],
            offsets=arrays.get("offsets"),
        )


def open_all(
    caches: Mapping[str, tuple[Cache, Recipe]], *, gib: float | None = None
) -> dict[str, Embeddings]:
    """Open caches whose embeddings are read when they are gathered.

    Args:
        caches: {any key: cache, and recipe of the embeddings to show of it}
        gib: memory in GiB. If the pooled embeddings as float32 need more together,
            gathered arrays are scratch files. None for
            `affuse.data.system.scratch_arrays.budget`

    Returns:
        {key: embeddings}

    Raises:
        AffuseError: as in `affuse.data.cache.store.load`; damaged embeddings raise it
            only when they are gathered
    """
    opened = {
        key: narrow(_open(cache), recipe) for key, (cache, recipe) in caches.items()
    }
    sizes = [4 * len(e.ids) * e.width for e in opened.values()]
    if sum(sizes) <= (scratch_arrays.budget() if gib is None else gib * 2**30):
        return opened
    folders = {key: cache.path.parent for key, (cache, _) in caches.items()}
    return {
        key: replace(each, scratch=scratch_arrays.choose_folder(folders[key]))
        for key, each in opened.items()
    }


def _open(cache: Cache) -> StreamedEmbeddings:
    """Return the embeddings of a cache without their values."""
    parts = [outline(part_path(cache.path, n), cache.recipe) for n in cache.present]
    rows = [arrays for arrays, _ in parts]
    counts = [len(arrays["ids"]) for arrays in rows]
    begins = np.cumsum([0, *counts])[:-1].tolist()
    shape = (0, len(cache.recipe.layers), max((dim for _, dim in parts), default=0))
    return StreamedEmbeddings(
        recipe=cache.recipe,
        ids=unique_ids(cache.path, rows),
        contents=tuple(c.decode() for arrays in rows for c in arrays["contents"]),
        values=np.empty(shape, np.float32),
        head=concatenate([a for a in rows if len(a["ids"])], "head"),
        problems=cache.problems,
        stretches=tuple(s for arrays in rows for s in read_spans(arrays)),
        folder=cache.path,
        begins=tuple(zip(cache.present, begins, strict=True)),
    )
