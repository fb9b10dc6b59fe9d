"""Reuse of cached rows: inputs with an equal digest are not encoded again."""

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

# Errors of parts in other folders that are damaged, removed or not readable for this
# user. Other errors may be temporary, so they end the command: a repeated command may
# find the rows, and need not encode their inputs again.
UNUSABLE_PART_ERRORS = (DamagedFileError, FileNotFoundError, PermissionError)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CachedRow:
    """Row of a cache for one input."""

    vector: np.ndarray  # as `affuse.extract.encoding.pooling.vector` returns it
    head: np.ndarray | None = None  # (ratings,) predicted by the checkpoint's head
    notes: tuple[str, ...] = ()  # on changes and anomalies of the input
    samples: str = ""  # digest of the decoded samples; "" if it is unknown


class CachedRows:
    """Rows in the sibling folders of a cache folder.

    A sibling differs only in the content of the corpus. Examples are a cache that was
    made with ``--limit``, or before a recording was repaired. Only the location of each
    row stays in memory.
    """

    def __init__(self, folder: Path, recipe: Recipe):
        self._folder = folder
        self._recipe = recipe
        self._places: dict[str, Path] | None = None  # parts, by digest of an input

    def rows(
        self, contents: Collection[str], rebuilt_part: Path | None = None
    ) -> dict[str, CachedRow]:
        """Return the cached rows of inputs, by digest; inputs without one are absent.

        Args:
            contents: digests of inputs
            rebuilt_part: part of this folder that is rebuilt, and has usable rows

        Raises:
            MemoryShortageError, OSError: if a part cannot be read now, though it may be
                undamaged
        """
        if self._places is None:
            self._places = {c: path for path in self._parts() for c in self._read(path)}
        cached = [c for c in contents if c in self._places]
        result: dict[str, CachedRow] = {}
        if rebuilt_part is not None:
            result = {
                c: row for c, row in self._read(rebuilt_part).items() if c in contents
            }
        for path in dict.fromkeys(self._places[c] for c in cached):
            rows = self._read(path)
            result |= {c: rows[c] for c in cached if c in rows}
        return result

    def _parts(self) -> Iterator[Path]:
        """Yield the readable parts of all siblings."""
        siblings = CorpusFolder(self._folder.parent).caches(self._recipe.modality)
        for folder in (sibling.path for sibling in siblings):
            for number in store.part_numbers(folder) if folder != self._folder else ():
                path = part_path(folder, number)
                try:
                    recipe = header(path).recipe
                except UNUSABLE_PART_ERRORS as error:
                    log.warning("%s; its rows are not used here", error)
                    continue
                if self._recipe.same_but_content(recipe):
                    yield path

    def _read(self, path: Path) -> dict[str, CachedRow]:
        """Return the rows of one part, by digest; an empty dict if it is damaged."""
        try:
            return _rows(*read(path, None))
        except UNUSABLE_PART_ERRORS as error:
            log.warning("%s; its rows are not used here", error)
            return {}


def _rows(
    arrays: dict[str, np.ndarray], problems: list[Problem]
) -> dict[str, CachedRow]:
    """Return the rows of one part, by digest of the input."""
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
        reasons = tuple(notes.get(name.decode(), ()))
        samples = arrays["samples"][i].decode() if "samples" in arrays else ""
        rows[content.decode()] = CachedRow(vector, head, reasons, samples)
    return rows
