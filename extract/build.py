"""One part of the cache: decode, batch, encode, pool."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

from data import store
from data.parts import Part
from data.recipe import Recipe
from data.utterance import Problem
from extract import audio, batches, pooling
from extract.choice import Machine
from extract.encoder import Encoder, Prepared
from extract.sources import Source, file_name

Row = tuple[np.ndarray, np.ndarray | None]  # vector and head of one utterance
LARGEST_HALF = 65_504.0  # of float16


class Known:
    """Rows of equal input that sibling caches hold, so they need not be encoded again.

    A sibling has the same recipe but other content: before a recording was repaired,
    or made with ``--limit``. They are read only when first asked for.
    """

    def __init__(self, folder: Path, recipe: Recipe):
        self._folder = folder
        self._recipe = recipe
        self._rows: dict[str, Row] | None = None

    def _read(self) -> dict[str, Row]:
        rows: dict[str, Row] = {}
        for path in sorted(self._folder.parent.glob(f"{self._recipe.modality}-*/")):
            cache = store.look(path) if path != self._folder else None
            if cache and self._recipe.same_but_content(cache.recipe):
                found = store.load(cache)
                for i, content in enumerate(found.contents):
                    head = None if found.head is None else found.head[i]
                    rows[content] = found.vector(i), head
        return rows

    def __contains__(self, content: str) -> bool:
        return content in self.rows

    @property
    def rows(self) -> dict[str, Row]:
        """By digest of the input."""
        if self._rows is None:
            self._rows = self._read()
        return self._rows


@dataclass(frozen=True)
class Builder:
    """Makes parts of one corpus on one machine."""

    root: Path  # of the corpus
    machine: Machine

    def __call__(
        self,
        sources: Sequence[Source],
        encoder: Encoder,
        recipe: Recipe,
        known: Known,
        done: Callable[[float], object],
    ) -> Part:
        """Encode these utterances, but for those that are known.

        Args:
            done: told the size of what has been encoded, as it goes
        """
        fresh = [s for s in sources if s.content not in known]
        done(sum(s.size for s in sources) - sum(s.size for s in fresh))
        problems: list[Problem] = []
        prepared = self._prepare(fresh, encoder, recipe.modality, problems)
        rows = self._encode(prepared, encoder, recipe, done)
        for s in sources:
            if s.content in known:
                rows[s.utterance.id] = known.rows[s.content]
        kept = [s for s in sources if self._fits(s, rows, recipe, problems)]
        heads = [rows[s.utterance.id][1] for s in kept]
        return Part(
            ids=tuple(s.utterance.id for s in kept),
            contents=tuple(s.content for s in kept),
            vectors=tuple(rows[s.utterance.id][0] for s in kept),
            head=np.stack([h for h in heads if h is not None]) if recipe.head else None,
            problems=tuple(problems),
        )

    def _prepare(
        self,
        sources: Sequence[Source],
        encoder: Encoder,
        modality: str,
        problems: list[Problem],
    ) -> list[tuple[Source, Prepared]]:
        """Inputs that can be encoded; what is wrong or odd goes to `problems`."""

        def one(source: Source) -> tuple[Prepared | None, list[str]]:
            try:
                opened, notes = self._open(source, encoder, modality)
            except audio.Unusable as error:
                return None, [str(error)]
            return opened, [*notes, *opened.notes]

        jobs = (delayed(one)(s) for s in sources)
        results = Parallel(n_jobs=self.machine.threads, prefer="threads")(jobs)
        for source, (opened, notes) in zip(sources, results, strict=True):
            for note in notes:
                problems.append(self._problem(source, note, fatal=opened is None))
        return [(s, p) for s, (p, _) in zip(sources, results, strict=True) if p]

    def _open(
        self, source: Source, encoder: Encoder, modality: str
    ) -> tuple[Prepared, Sequence[str]]:
        u = source.utterance
        if modality == "audio" and u.audio is not None:
            wave = audio.load(u.audio, u.span, longest=self.machine.longest)
            return encoder.prepare(wave.samples), wave.notes
        text = u.text or ""
        return encoder.prepare(text), () if text else ("is empty after cleaning; kept",)

    def _encode(
        self,
        prepared: Sequence[tuple[Source, Prepared]],
        encoder: Encoder,
        recipe: Recipe,
        done: Callable[[float], object],
    ) -> dict[str, Row]:
        """Vectors by utterance id; blocks of equal length go through together."""
        blocks = [(i, b) for i, (_, p) in enumerate(prepared) for b in p.blocks]
        scale = encoder.inputs.get("sample_rate", 1)
        budget = int(self.machine.budget(recipe.modality) * scale)
        pooled: list[pooling.Block | None] = [None] * len(blocks)
        for batch in batches.equal([len(b) for _, b in blocks], budget=budget):
            hidden = encoder(np.stack([blocks[i][1] for i in batch]))
            for i, block in zip(
                batch, pooling.reduce(hidden, recipe.pooling), strict=True
            ):
                pooled[i] = block
            done(sum(_share(prepared[blocks[i][0]]) for i in batch))
        mine: list[list[pooling.Block]] = [[] for _ in prepared]
        for (i, _), found in zip(blocks, pooled, strict=True):
            if found is not None:
                mine[i].append(found)
        rows = {}
        for (source, _), found_blocks in zip(prepared, mine, strict=True):
            merged = pooling.merge(found_blocks)
            head = encoder.regress(merged.mean[-1]) if recipe.head else None
            rows[source.utterance.id] = pooling.vector(merged, recipe.pooling), head
        return rows

    def _fits(
        self,
        source: Source,
        rows: dict[str, Row],
        recipe: Recipe,
        problems: list[Problem],
    ) -> bool:
        """Whether there is a vector that the cache can keep."""
        row = rows.get(source.utterance.id)
        if row is None:
            return False
        limit = LARGEST_HALF if recipe.storage == "float16" else np.inf
        if np.isfinite(row[0]).all() and np.abs(row[0]).max() <= limit:
            return True
        reason = f"its embedding is not finite in {recipe.dtype}; try --dtype float32"
        problems.append(self._problem(source, reason, fatal=True))
        return False

    def _problem(self, source: Source, reason: str, *, fatal: bool) -> Problem:
        u = source.utterance
        return Problem(file_name(u, self.root), reason, id=u.id, fatal=fatal)


def _share(item: tuple[Source, Prepared]) -> float:
    """What one block adds to the progress of its utterance."""
    source, prepared = item
    return source.size / len(prepared.blocks)
