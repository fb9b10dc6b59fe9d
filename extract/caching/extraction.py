"""Stage one: every utterance of a corpus through one encoder, into parts of the cache.

The parts of a cache are planned from the lengths of the inputs alone, so a repeated
command plans the same parts, skips those that are there and makes the rest. Nothing but
the part being built is ever lost.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from affuse.data.cache import cache_manifest, parts, store
from affuse.data.cache import current_content as counts
from affuse.data.cache.recipe import Recipe
from affuse.data.errors import AffuseError
from affuse.data.modality import modality_named
from affuse.data.records import Corpus, Problem
from affuse.data.system.progress import bar
from affuse.extract.caching import encoder_inputs
from affuse.extract.caching.encoder_inputs import InputSource
from affuse.extract.caching.job_shares import EVERYTHING, JobShare
from affuse.extract.caching.part_building import Builder
from affuse.extract.caching.part_claims import Plan, tidy
from affuse.extract.caching.part_filling import fill
from affuse.extract.encoding import batching
from affuse.extract.encoding.choices import Choice, Machine
from affuse.extract.encoding.encoder_loading import load, make_recipe
from affuse.extract.encoding.protocol import Encoder

# A note in parts of older versions. Now the corpus has it, see
# `affuse.data.reading.transcript_rule`.
OLD_NOTE = "transcript is empty after cleaning; kept"


@dataclass(frozen=True)
class ExtractionOutcome:
    """What one extraction did."""

    folder: Path | None  # None: there was no input that could be read
    utterances: int  # in the cache now
    encoded: float  # in the unit of the modality, by this call
    elapsed: float  # seconds
    problems: tuple[Problem, ...]
    absent: tuple[Problem, ...] = ()  # those of them that no part remembers
    present: int = 0  # parts in the cache now
    planned: int = 0  # parts of the whole cache

    @property
    def complete(self) -> bool:
        """Whether all parts are there, whoever made them."""
        return self.present == self.planned


class Fill(Protocol):
    """What makes the parts of a plan, as `part_filling.fill` does."""

    def __call__(
        self,
        folder: Path,
        plan: Plan,
        build: Builder,
        *,
        count: int,
        done: Callable[[float], object],
    ) -> float: ...


@dataclass(frozen=True)
class CacheFilling:
    """How the parts of a cache are filled, and whether the cache counts afterwards."""

    share: JobShare = EVERYTHING  # which parts to make; others are left to other jobs
    fill: Fill = fill  # what makes them
    current: bool = True  # of all that differ in content only, this folder counts


def extract(
    corpus: Corpus,
    choice: Choice,
    machine: Machine,
    cache: Path,
    *,
    encoder: Encoder | None = None,
    begin: Callable[[Path, Recipe], object] | None = None,
    filling: CacheFilling = CacheFilling(),
) -> ExtractionOutcome:
    """Encode one modality of a corpus, or what is still missing of it.

    Args:
        corpus: as its reader gave it
        choice: encoder, checkpoint, layers and pooling
        machine: device, threads and sizes of batches
        cache: the folder of all caches
        encoder: what `load` made of the same choice; None to load it here
        begin: told the folder and its recipe before anything is encoded
        filling: which parts are made, and by what

    Raises:
        AffuseError: if the checkpoint cannot be loaded, or there is nothing to encode
    """
    encoder = encoder or load(choice, machine)
    found, problems = encoder_inputs.find(
        corpus,
        choice.modality,
        limit=machine.limit,
        threads=machine.threads,
        progress=machine.progress,
    )
    if not found and not any(p.fatal for p in problems):
        raise AffuseError(
            f"corpus '{corpus.name}' in {corpus.root} has no {choice.modality}"
        )
    if not found:
        return ExtractionOutcome(None, 0, 0.0, 0.0, tuple(problems), tuple(problems))
    recipe = make_recipe(corpus.name, choice, encoder, encoder_inputs.digest(found))
    folder = cache / corpus.name / recipe.folder()
    if begin is not None:
        begin(folder, recipe)
    build = Builder(corpus.root, machine, encoder, recipe)
    done = _make(folder, _plan(recipe, found), build, filling)
    if done.complete:
        cache_manifest.seal(folder)
    if filling.current and done.complete:
        counts.make(folder, recipe)
    return replace(done, problems=(*problems, *done.problems), absent=tuple(problems))


def _make(
    folder: Path, plan: Plan, build: Builder, filling: CacheFilling
) -> ExtractionOutcome:
    """Make the parts of a share that are missing."""
    mine = {n: part for n, part in plan.items() if n in filling.share}
    began = time.monotonic()
    modality = modality_named(build.recipe.modality)
    with bar(
        total=sum(s.size for part in mine.values() for s in part),
        name=modality.name,
        unit=modality.unit,
        show=build.machine.progress,
    ) as progress:
        encoded = filling.fill(
            folder, mine, build, count=len(plan), done=progress.update
        )
    tidy(folder, len(plan))
    elapsed = time.monotonic() - began
    done = ExtractionOutcome(
        folder, 0, encoded, elapsed, problems=(), planned=len(plan)
    )
    return _finished(done, folder, expected=bool(mine))


def _finished(
    done: ExtractionOutcome, folder: Path, *, expected: bool
) -> ExtractionOutcome:
    """The same, with what is in the cache now."""
    made = store.look(folder)
    if made is None and expected:
        raise AffuseError(f"{folder} was removed while it was being filled")
    if made is None:
        return done
    return replace(
        done,
        utterances=made.rows,
        problems=made.problems,
        present=len(made.present),
    )


def remembered(folder: Path) -> dict[int, tuple[Problem, ...]]:
    """Problems that the parts of a cache tell, by number of the part."""
    heads = {
        number: parts.header(parts.part_path(folder, number))
        for number in store.numbers(folder)
    }
    return {
        number: tuple(p for p in head.problems if p.reason != OLD_NOTE)
        for number, head in heads.items()
    }


def _plan(recipe: Recipe, found: Sequence[InputSource]) -> Plan:
    """What is in each part, by number; the longest inputs in the first."""
    modality = modality_named(recipe.modality)
    places = batching.parts(
        [s.size for s in found],
        [s.utterance.id for s in found],
        rows=modality.part_rows,
        size=modality.part_size / _copies(recipe),
    )
    if len(places) > parts.MOST:
        raise AffuseError(
            f"corpus '{recipe.corpus}' needs {len(places):,} parts, more than the "
            f"{parts.MOST:,} of a cache; divide it into several manifests, with a "
            f"--name each"
        )
    return {n: [found[i] for i in part] for n, part in enumerate(places)}


def _copies(recipe: Recipe) -> int:
    """How many vectors of a frame are held until its part is written."""
    return len(recipe.layers) if recipe.pooling == "frames" else 1
