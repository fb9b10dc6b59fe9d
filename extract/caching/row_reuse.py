"""Rows of equal input that are cached already, so need not be encoded again."""

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from affuse.data.cache import store
from affuse.data.cache.cache_folder import CorpusFolder
from affuse.data.cache.parts import header, part_path, read
from affuse.data.cache.recipe import Recipe
from affuse.data.errors import DamagedFileError
from affuse.data.records import Problem

# Parts of other folders that are damaged, gone meanwhile, or not for us to read. Any
# other error may pass, so that their inputs should not be encoded again.
USELESS = (DamagedFileError, FileNotFoundError, PermissionError)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CachedRow:
    """What the cache keeps of one input."""

    vector: np.ndarray  # as `affuse.extract.encoding.pooling.vector` makes it
    head: np.ndarray | None = None  # (ratings,) of the checkpoint's own head
    notes: tuple[str, ...] = ()  # what was done to the input, or noticed
    samples: str = ""  # digest of the decoded samples; "" if it is not known


class CachedRows:
    """Rows that siblings of a cache folder hold.

    A sibling has the same recipe but other content: before a recording was repaired,
    or made with ``--limit``. Only where each row is stays in memory.
    """

    def __init__(self, folder: Path, recipe: Recipe):
        self._folder = folder
        self._recipe = recipe
        self._places: dict[str, Path] | None = None  # parts, by digest of an input

    def rows(
        self, contents: Collection[str], own: Path | None = None
    ) -> dict[str, CachedRow]:
        """Return those of these inputs that are known, by digest, part by part.

        Args:
            contents: digests of inputs
            own: a part of the folder itself that is made anew, but holds good rows

        Raises:
            MemoryShortageError, OSError: if a part cannot be read now; it may be whole
        """
        if self._places is None:
            self._places = {c: path for path in self._parts() for c in self._read(path)}
        wanted = [c for c in contents if c in self._places]
        found: dict[str, CachedRow] = {}
        if own is not None:
            found = {c: row for c, row in self._read(own).items() if c in contents}
        for path in dict.fromkeys(self._places[c] for c in wanted):
            rows = self._read(path)
            found |= {c: rows[c] for c in wanted if c in rows}
        return found

    def _parts(self) -> Iterator[Path]:
        beside = CorpusFolder(self._folder.parent).caches(self._recipe.modality)
        for folder in (each.path for each in beside):
            for number in store.numbers(folder) if folder != self._folder else ():
                path = part_path(folder, number)
                try:
                    recipe = header(path).recipe
                except USELESS as error:
                    log.warning("%s; its rows are not used here", error)
                    continue
                if self._recipe.same_but_content(recipe):
                    yield path

    def _read(self, path: Path) -> dict[str, CachedRow]:
        """Return rows of one part by digest of their input; none if it is damaged."""
        try:
            return _rows(*read(path, None))
        except USELESS as error:
            log.warning("%s; its rows are not used here", error)
            return {}


def _rows(
    arrays: dict[str, np.ndarray], problems: list[Problem]
) -> dict[str, CachedRow]:
    """Rows of one part by digest of their input."""
    notes: dict[str, list[str]] = {}
    for problem in problems:
        notes.setdefault(problem.id, []).append(problem.reason)
    rows = {}
    for i, (name, content) in enumerate(
        zip(arrays["ids"], arrays["contents"], strict=True)
    ):
        if "offsets" in arrays:
            begin, end = arrays["offsets"][i : i + 2]
            vector = arrays["values"][begin:end]
        else:
            vector = arrays["embeddings"][i]
        head = arrays["head"][i] if "head" in arrays else None
        said = tuple(notes.get(name.decode(), ()))
        samples = arrays["samples"][i].decode() if "samples" in arrays else ""
        rows[content.decode()] = CachedRow(vector, head, said, samples)
    return rows
