"""One part of the cache: decode, batch, encode, pool."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from joblib import Parallel, delayed

from affuse.data.cache import part_arrays
from affuse.data.cache.parts import Part
from affuse.data.cache.recipe import Recipe
from affuse.data.errors import AffuseError
from affuse.data.modality import modality_named
from affuse.data.records import Problem
from affuse.extract.caching.encoder_inputs import InputSource
from affuse.extract.caching.input_reading import InputReader, PreparedInput
from affuse.extract.caching.row_reuse import CachedRow
from affuse.extract.encoding import batching, pooling
from affuse.extract.encoding.choices import Machine
from affuse.extract.encoding.protocol import Encoder
from affuse.extract.encoding.threads import Room, alone

LARGEST_HALF = 65_504.0  # of float16
NOT_FINITE = "its embedding is not finite as it is stored"


@dataclass(frozen=True)
class Opened:
    """What there is to encode for a part, and what is known of it already."""

    sources: tuple[InputSource, ...]  # all of the part
    inputs: tuple[PreparedInput, ...]  # equal ones once, none that is known
    results: Mapping[str, CachedRow | str]  # by digest: a row, or why there is none


@dataclass(frozen=True)
class Batch:
    """Inputs that went through the encoder together."""

    places: tuple[int, ...]  # in the order of all blocks of all inputs
    layers: list[pooling.Layer]  # still on the device


@dataclass(frozen=True)
class Builder:
    """Makes parts of one corpus on one machine, in three steps.

    `open` and `finish` are for other threads, so that the encoder is never kept
    waiting by files.
    """

    root: Path  # of the corpus
    machine: Machine
    encoder: Encoder
    recipe: Recipe

    def open(
        self,
        sources: Sequence[InputSource],
        known: Callable[[Collection[str]], Mapping[str, CachedRow]],
    ) -> Opened:
        """Decode or tokenise what is not known.

        Args:
            known: rows by digest of the input, of those that are cached already
        """
        results: dict[str, CachedRow | str] = {**known({s.content for s in sources})}
        fresh = {s.content: s for s in sources if s.content not in results}
        opened = self._open(list(fresh.values()))
        results |= {c: found for c, found in opened.items() if isinstance(found, str)}
        inputs = [
            found for found in opened.values() if isinstance(found, PreparedInput)
        ]
        return Opened(tuple(sources), tuple(inputs), results)

    def encode(self, opened: Opened, done: Callable[[float], object]) -> list[Batch]:
        """Encode several blocks together, none padded; a GPU is not waited for.

        They are of equal length, or end to end where the encoder can. On a CPU every
        thread has a batch of its own: threads that share one wait for each other at
        every product, and round otherwise than one does. Where blocks are so long that
        as many do not fit into memory, some threads wait.

        Args:
            done: told the size of what has gone through, as it goes
        """
        blocks = [(i, block) for i in opened.inputs for block in i.blocks]
        scale = self.encoder.inputs.get("sample_rate", 1)
        budget = int(self.machine.budget(self.recipe.modality) * scale)
        room = Room(int(self.machine.room(self.recipe.modality) * scale))
        divide = batching.lines if self.encoder.packed else batching.equal
        groups = divide([len(b) for _, b in blocks], budget=budget)

        def run(places: Sequence[int]) -> list[Batch]:
            chosen = [blocks[place][1] for place in places]
            with room.hold(sum(len(block) for block in chosen)):
                return _halves(places, chosen, self.encoder, self.recipe.pooling)

        found = []
        with alone(self.machine) as each:
            for places, made in zip(groups, each(run, groups), strict=True):
                found += made
                whole = (blocks[place][0] for place in places)
                done(sum(i.source.size / len(i.blocks) for i in whole))
        return found

    def finish(self, opened: Opened, batches: Sequence[Batch]) -> Part:
        """The part, from what has been encoded for it."""
        rows = self._rows(opened.inputs, batches)
        return self._part(opened.sources, {**opened.results, **rows})

    def _open(self, sources: Sequence[InputSource]) -> dict[str, PreparedInput | str]:
        """By digest what can be encoded, or why it cannot."""

        reader = InputReader(
            modality_named(self.recipe.modality),
            self.root,
            self.encoder,
            self.machine.longest,
        )
        jobs = (delayed(reader.read)(source) for source in sources)
        found = Parallel(n_jobs=self.machine.threads, prefer="threads")(jobs)
        return {s.content: f for s, f in zip(sources, found, strict=True)}

    def _rows(
        self, inputs: Sequence[PreparedInput], batches: Sequence[Batch]
    ) -> dict[str, CachedRow | str]:
        """Rows by digest, or why an input has none."""
        pooled: dict[int, pooling.FrameBlock] = {}
        for batch in batches:
            blocks = pooling.blocks(batch.layers)
            pooled |= dict(zip(batch.places, blocks, strict=True))
        rows: dict[str, CachedRow | str] = {}
        advice = part_arrays.advice(self.recipe)
        ordered = iter(sorted(pooled))
        for i in inputs:
            merged = pooling.merge([pooled[next(ordered)] for _ in i.blocks])
            head = self.encoder.regress(merged.mean[-1]) if self.recipe.head else None
            vector = pooling.vector(merged, self.recipe.pooling)
            row = CachedRow(vector, head, i.notes, i.samples)
            fits = _fits(row, self.recipe)
            rows[i.source.content] = row if fits else f"{NOT_FINITE}; {advice}"
        return rows

    def _part(
        self,
        sources: Sequence[InputSource],
        results: Mapping[str, CachedRow | str],
    ) -> Part:
        """Rows in the order of the sources, and what is wrong or odd about them."""
        rows: list[tuple[InputSource, CachedRow]] = []
        problems: list[Problem] = []
        kind = modality_named(self.recipe.modality)
        for source in sources:
            found, u = results[source.content], source.utterance
            fatal = isinstance(found, str)
            for reason in (found,) if isinstance(found, str) else found.notes:
                file = kind.file(u, self.root)
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
            stretches=tuple(
                replace(source.stretch, samples=row.samples)
                for source, row in rows
                if source.stretch is not None
            ),
        )


def _halves(
    places: Sequence[int], batch: Sequence[np.ndarray], encoder: Encoder, how: str
) -> list[Batch]:
    """Inputs through the encoder, halved as often as the device's memory demands.

    Raises:
        AffuseError: if a single input does not fit
    """
    try:
        # cuDNN would round the inputs of convolutions to ten bits
        with torch.backends.cudnn.flags(
            enabled=True, deterministic=True, allow_tf32=False
        ):
            each = partial(pooling.reduce, how=how)
            if encoder.packed:
                return [Batch(tuple(places), encoder.packed(batch, each))]
            return [Batch(tuple(places), encoder(np.stack(batch), each))]
    except torch.OutOfMemoryError as error:
        if len(batch) == 1:
            blocks = "block_seconds" in encoder.inputs
            raise AffuseError(
                f"an input of {len(batch[0])} samples or tokens does not fit into the "
                f"memory of the device; take --device cpu"
                + (", or, for extract, a smaller --block-seconds" if blocks else "")
            ) from error
    torch.cuda.empty_cache()
    half = len(batch) // 2
    return [
        *_halves(places[:half], batch[:half], encoder, how),
        *_halves(places[half:], batch[half:], encoder, how),
    ]


def _fits(row: CachedRow, recipe: Recipe) -> bool:
    """Whether all of a row is finite, as the cache stores it."""
    limit = LARGEST_HALF if recipe.storage == "float16" else np.inf
    head = np.zeros(1) if row.head is None else row.head
    return bool(
        np.isfinite(row.vector).all()
        and np.abs(row.vector).max() <= limit
        and np.isfinite(head).all()
    )
