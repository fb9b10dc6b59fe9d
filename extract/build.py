"""One part of the cache: decode, batch, encode, pool."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from joblib import Parallel, delayed

from data.parts import Part
from data.recipe import Recipe
from data.utterance import Problem
from extract import audio, batches, decoder, pooling
from extract.choice import Machine
from extract.encoder import Encoder
from extract.known import Row
from extract.sources import Source, file_name

LARGEST_HALF = 65_504.0  # of float16
NOT_FINITE = "its embedding is not finite as it is stored; try --dtype float32"
EMPTY = "transcript is empty after cleaning; kept"


@dataclass(frozen=True)
class Input:
    """What of one utterance goes through the encoder."""

    source: Source
    blocks: tuple[np.ndarray, ...]
    notes: tuple[str, ...]


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
        known: Callable[[Collection[str]], Mapping[str, Row]],
        done: Callable[[float], object],
    ) -> tuple[Part, float]:
        """Encode these utterances, but for those that are known; equal inputs once.

        Args:
            known: rows by digest of the input, of those that are cached already
            done: told the size of what has been encoded, as it goes

        Returns:
            the part, and the size of what was encoded for it
        """
        results: dict[str, Row | str] = {**known({s.content for s in sources})}
        fresh = {s.content: s for s in sources if s.content not in results}
        opened = self._open(list(fresh.values()), encoder, recipe.modality)
        inputs = [found for found in opened.values() if isinstance(found, Input)]
        results |= {c: found for c, found in opened.items() if isinstance(found, str)}
        results |= self._encode(inputs, encoder, recipe, done)
        return self._part(sources, results, recipe), sum(i.source.size for i in inputs)

    def _open(
        self, sources: Sequence[Source], encoder: Encoder, modality: str
    ) -> dict[str, Input | str]:
        """By digest what can be encoded, or why it cannot."""

        def one(source: Source) -> Input | str:
            u = source.utterance
            try:
                if modality == "audio" and u.audio is not None:
                    wave = decoder.load(u.audio, u.span, longest=self.machine.longest)
                    ready, notes = encoder.prepare(wave.samples), wave.notes
                else:
                    ready = encoder.prepare(u.text or "")
                    notes = () if u.text else (EMPTY,)
            except audio.Unusable as error:
                return str(error)
            return Input(source, ready.blocks, (*notes, *ready.notes))

        jobs = (delayed(one)(source) for source in sources)
        found = Parallel(n_jobs=self.machine.threads, prefer="threads")(jobs)
        return {s.content: f for s, f in zip(sources, found, strict=True)}

    def _encode(
        self,
        inputs: Sequence[Input],
        encoder: Encoder,
        recipe: Recipe,
        done: Callable[[float], object],
    ) -> dict[str, Row | str]:
        """Rows by digest; blocks of equal length go through together."""
        blocks = [(i, block) for i in inputs for block in i.blocks]
        scale = encoder.inputs.get("sample_rate", 1)
        budget = int(self.machine.budget(recipe.modality) * scale)
        pooled: dict[int, pooling.Block] = {}
        for batch in batches.equal([len(b) for _, b in blocks], budget=budget):
            stack = np.stack([blocks[place][1] for place in batch])
            found = _reduce(encoder, stack, recipe.pooling)
            pooled |= dict(zip(batch, found, strict=True))
            whole = (blocks[place][0] for place in batch)
            done(sum(i.source.size / len(i.blocks) for i in whole))
        rows: dict[str, Row | str] = {}
        ordered = iter(sorted(pooled))
        for i in inputs:
            merged = pooling.merge([pooled[next(ordered)] for _ in i.blocks])
            head = encoder.regress(merged.mean[-1]) if recipe.head else None
            row = Row(pooling.vector(merged, recipe.pooling), head, i.notes)
            rows[i.source.content] = row if _fits(row, recipe) else NOT_FINITE
        return rows

    def _part(
        self,
        sources: Sequence[Source],
        results: Mapping[str, Row | str],
        recipe: Recipe,
    ) -> Part:
        """Rows in the order of the sources, and what is wrong or odd about them."""
        rows: list[tuple[Source, Row]] = []
        problems: list[Problem] = []
        for source in sources:
            found, u = results[source.content], source.utterance
            fatal = isinstance(found, str)
            for reason in (found,) if isinstance(found, str) else found.notes:
                file = file_name(u, self.root)
                problems.append(Problem(file, reason, id=u.id, fatal=fatal))
            if not isinstance(found, str):
                rows.append((source, found))
        heads = [row.head for _, row in rows if row.head is not None]
        return Part(
            ids=tuple(source.utterance.id for source, _ in rows),
            contents=tuple(source.content for source, _ in rows),
            vectors=tuple(row.vector for _, row in rows),
            head=np.stack(heads) if heads else None,
            problems=tuple(problems),
        )


def _reduce(encoder: Encoder, batch: np.ndarray, how: str) -> list[pooling.Block]:
    """(n, length) -> n blocks; halved as often as the memory of the device demands.

    Raises:
        ValueError: if a single input does not fit
    """
    try:
        # cuDNN would round the inputs of convolutions to ten bits
        with torch.backends.cudnn.flags(
            enabled=True, deterministic=True, allow_tf32=False
        ):
            return pooling.reduce(encoder(batch), how)
    except torch.OutOfMemoryError as error:
        if len(batch) == 1:
            raise ValueError(
                f"an input of {batch.shape[1]} samples or tokens does not fit into the "
                f"memory of the device; take --device cpu, or a smaller --block-seconds"
            ) from error
    torch.cuda.empty_cache()
    half = len(batch) // 2
    return _reduce(encoder, batch[:half], how) + _reduce(encoder, batch[half:], how)


def _fits(row: Row, recipe: Recipe) -> bool:
    """Whether all of a row is finite, as the cache stores it."""
    limit = LARGEST_HALF if recipe.storage == "float16" else np.inf
    head = np.zeros(1) if row.head is None else row.head
    return bool(
        np.isfinite(row.vector).all()
        and np.abs(row.vector).max() <= limit
        and np.isfinite(head).all()
    )
