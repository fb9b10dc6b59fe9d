"""Building of one part of a cache: decoding, batching, encoding and pooling.

Claims and files of parts are in `part_claims` and `part_filling`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from affuse.data.cache import part_arrays
from affuse.data.cache.parts import Part
from affuse.data.cache.recipe import Recipe
from affuse.data.errors import AffuseError
from affuse.data.modality import modality_named
from affuse.data.records import Problem
from affuse.extract.caching.encoder_inputs import InputSource
from affuse.extract.caching.input_reading import InputReader, PreparedInput
from affuse.extract.caching.row_reuse import CachedRow
from affuse.extract.degradations.degraded_recordings import find_degrade
from affuse.extract.encoding import batching, pooling
from affuse.extract.encoding.choices import Machine
from affuse.extract.encoding.protocol import Encoder, is_weightless
from affuse.extract.encoding.threads import MemoryBudget, single_threaded_map

LARGEST_HALF = 65_504.0  # largest finite value of float16
LARGEST_SINGLE = float(np.finfo(np.float32).max)
NOT_FINITE = "its embedding is not finite as it is stored"


@dataclass(frozen=True)
class PartInputs:
    """Prepared inputs of a part, and its rows that are cached already."""

    sources: tuple[InputSource, ...]  # of all utterances of the part
    inputs: tuple[PreparedInput, ...]  # to encode, without duplicates
    results: Mapping[str, CachedRow | str]  # by digest: a row, or why it is missing


@dataclass(frozen=True)
class Batch:
    """Reduced hidden states of blocks that were encoded together."""

    places: tuple[int, ...]  # positions among the blocks of all inputs of the part
    layers: list[pooling.Layer]  # on the device of the encoder


@dataclass(frozen=True)
class Builder:
    """Builder of the parts of one corpus on one machine, in three steps.

    Other threads call `open` and `finish`, so that the encoder does not wait for files.
    """

    root: Path  # of the corpus
    machine: Machine
    encoder: Encoder
    recipe: Recipe

    def open(
        self,
        sources: Sequence[InputSource],
        find_rows: Callable[[Collection[str]], Mapping[str, CachedRow]],
    ) -> PartInputs:
        """Decode or tokenise the inputs whose rows are not cached.

        Args:
            sources: all utterances of the part
            find_rows: returns the cached rows of inputs, by digest of the input
        """
        results: dict[str, CachedRow | str] = {
            **find_rows({s.content for s in sources})
        }
        missing = {s.content: s for s in sources if s.content not in results}
        opened = self._open(list(missing.values()))
        results |= {c: value for c, value in opened.items() if isinstance(value, str)}
        inputs = [
            value for value in opened.values() if isinstance(value, PreparedInput)
        ]
        return PartInputs(tuple(sources), tuple(inputs), results)

    def encode(
        self, opened: PartInputs, report_size: Callable[[float], object]
    ) -> list[Batch]:
        """Encode the blocks of a part in batches without padding.

        The blocks of a batch have equal lengths, or are packed end to end where the
        encoder supports that. Results stay on a GPU, so that the call does not wait for
        it. On a CPU, each thread encodes a separate batch. Threads that share a batch
        would wait for each other at every matrix product, and round differently from
        one thread. Some threads wait if the batches of all do not fit into memory.

        Args:
            opened: as `open` returned it
            report_size: called with the size of each encoded batch, in the unit of the
                modality
        """
        blocks = [(i, block) for i in opened.inputs for block in i.blocks]
        machine = self.machine
        if is_weightless(self.encoder):
            machine = replace(machine, device="cpu")  # all threads, as on a CPU
        scale = self.encoder.inputs.get("sample_rate", 1)
        budget = int(machine.budget(self.recipe.modality) * scale)
        room = MemoryBudget(
            int(machine.concurrent_budget(self.recipe.modality) * scale)
        )
        divide = (
            batching.packed_batches
            if self.encoder.packed
            else batching.equal_length_batches
        )
        groups = divide([len(b) for _, b in blocks], budget=budget)

        def run(places: Sequence[int]) -> list[Batch]:
            batch = [blocks[place][1] for place in places]
            with room.reserve(sum(len(block) for block in batch)):
                return _encode(places, batch, self.encoder, self.recipe.pooling)

        batches = []
        with single_threaded_map(machine) as parallel_map:
            for places, part in zip(groups, parallel_map(run, groups), strict=True):
                batches += part
                inputs = (blocks[place][0] for place in places)
                report_size(sum(i.source.size / len(i.blocks) for i in inputs))
        return batches

    def finish(self, opened: PartInputs, batches: Sequence[Batch]) -> Part:
        """Return the part with cached and newly encoded rows.

        Args:
            opened: as `open` returned it
            batches: as `encode` returned them
        """
        rows = self._rows(opened.inputs, batches)
        return self._part(opened.sources, {**opened.results, **rows})

    def _open(self, sources: Sequence[InputSource]) -> dict[str, PreparedInput | str]:
        """Return each prepared input, or the reason of its failure, by digest."""
        reader = InputReader(
            modality_named(self.recipe.modality),
            self.root,
            self.encoder,
            self.machine.longest,
            self.machine.threads,
            find_degrade(self.recipe),
        )
        results = reader.read(sources)
        return {s.content: r for s, r in zip(sources, results, strict=True)}

    def _rows(
        self, inputs: Sequence[PreparedInput], batches: Sequence[Batch]
    ) -> dict[str, CachedRow | str]:
        """Return the row of each input, or the reason of its failure, by digest."""
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
        """Return the part with rows in the order of the sources, and their problems."""
        rows: list[tuple[InputSource, CachedRow]] = []
        problems: list[Problem] = []
        kind = modality_named(self.recipe.modality)
        for source in sources:
            result, u = results[source.content], source.utterance
            fatal = isinstance(result, str)
            for reason in (result,) if isinstance(result, str) else result.notes:
                file = kind.file(u, self.root)
                problems.append(Problem(file, reason, id=u.id, fatal=fatal))
            if not isinstance(result, str):
                rows.append((source, result))
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


def _encode(
    places: Sequence[int], batch: Sequence[np.ndarray], encoder: Encoder, how: str
) -> list[Batch]:
    """Encode a batch, and halve it until it fits into the memory of the device.

    Raises:
        AffuseError: if a single input does not fit
    """
    try:
        # With TF32, cuDNN would round the inputs of convolutions to ten bits.
        with torch.backends.cudnn.flags(
            enabled=True, deterministic=True, allow_tf32=False
        ):
            pool = partial(pooling.reduce, how=how)
            if encoder.packed:
                return [Batch(tuple(places), encoder.packed(batch, pool))]
            return [Batch(tuple(places), encoder(np.stack(batch), pool))]
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
        *_encode(places[:half], batch[:half], encoder, how),
        *_encode(places[half:], batch[half:], encoder, how),
    ]


def _fits(row: CachedRow, recipe: Recipe) -> bool:
    """Return True if every value of the row is finite in the cache's storage dtype."""
    limit = LARGEST_HALF if recipe.storage == "float16" else LARGEST_SINGLE
    # NaN is not below a limit either.
    fits = bool(np.abs(row.vector).max() <= limit)
    return fits and (row.head is None or bool(np.isfinite(row.head).all()))
