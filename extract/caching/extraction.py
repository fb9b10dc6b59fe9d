"""Stage one: encodes the utterances of a corpus with one encoder into a cache.

The parts of a cache are planned from the lengths of the inputs alone. So a repeated
command plans the same parts, skips existing ones and builds the missing ones. An
interrupted command loses only the part that it was building.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from affuse.data.cache import cache_manifest, current_content, parts, store
from affuse.data.cache.cache_folder import CacheFolder
from affuse.data.cache.recipe import Recipe
from affuse.data.errors import AffuseError
from affuse.data.modality import modality_named
from affuse.data.reading import problem_summary
from affuse.data.records import Corpus, Problem
from affuse.data.system.progress import bar
from affuse.data.system.work_log import log_work
from affuse.extract.caching import encoder_inputs
from affuse.extract.caching.encoder_inputs import InputSource
from affuse.extract.caching.job_shares import ALL_PARTS, JobShare
from affuse.extract.caching.part_building import Builder
from affuse.extract.caching.part_claims import Plan, tidy
from affuse.extract.caching.part_filling import fill
from affuse.extract.caching.recording_listing import RecordingListing
from affuse.extract.encoding import batching
from affuse.extract.encoding.choices import Choice, Machine
from affuse.extract.encoding.encoder_loading import load, make_recipe
from affuse.extract.encoding.protocol import Encoder

# Parts of older versions contain this note. It is now a note of the corpus, see
# `affuse.data.reading.transcript_rule`.
OLD_NOTE = "transcript is empty after cleaning; kept"


@dataclass(frozen=True)
class ExtractionOutcome:
    """Result of one extraction."""

    folder: Path | None  # None if no input could be read
    utterances: int  # in the cache after the extraction
    encoded: float  # by this call, in the unit of the modality
    elapsed: float  # seconds
    problems: tuple[Problem, ...]
    absent: tuple[Problem, ...] = ()  # those of `problems` that no part stores
    present: int = 0  # parts in the cache after the extraction
    planned: int = 0  # parts of the complete cache

    @property
    def complete(self) -> bool:
        """Return True if all parts exist, regardless of the process that built them."""
        return self.present == self.planned


class Fill(Protocol):
    """Function that builds the parts of a plan, such as `part_filling.fill`."""

    def __call__(
        self,
        folder: Path,
        plan: Plan,
        build: Builder,
        *,
        count: int,
        report_size: Callable[[float], object],
    ) -> float:
        """Build the missing parts; see `part_filling.fill`."""


@dataclass(frozen=True)
class CacheFilling:
    """Parts to build, the function that builds them, and the use of the folder."""

    share: JobShare = ALL_PARTS  # parts to build; other jobs build the others
    fill: Fill = fill  # function that builds the parts
    # True to select this folder among the caches that differ only in their content
    makes_current: bool = True
    device: str = ""  # of other processes that encode, in words; "": this machine's


def extract(
    corpus: Corpus,
    choice: Choice,
    machine: Machine,
    cache: Path,
    *,
    encoder: Encoder | None = None,
    begin: Callable[[Path, Recipe], object] | None = None,
    filling: CacheFilling = CacheFilling(),
    listing: RecordingListing | None = None,
) -> ExtractionOutcome:
    """Encode one modality of a corpus, except for the parts that exist already.

    Args:
        corpus: as its reader returned it
        choice: encoder, checkpoint, layers and pooling
        machine: device, threads and batch size
        cache: the folder of all caches
        encoder: result of `load` for the same choice; None to load it here
        begin: called with the folder and its recipe before anything is encoded
        filling: parts to build, and the function that builds them
        listing: of the recordings, if it began already

    Raises:
        AffuseError: if the checkpoint cannot be loaded, or there is nothing to encode
    """
    encoder = encoder or load(choice, machine)
    sources, problems = _find(corpus, choice.modality, machine, cache, listing)
    if not sources and not any(p.fatal for p in problems):
        unread = problem_summary.lines(p for p in corpus.problems if p.fatal)
        raise AffuseError(
            f"corpus '{corpus.name}' in {corpus.root} has no {choice.modality}",
            *(f"  {line}" for line in unread),
        )
    if not sources:
        return ExtractionOutcome(None, 0, 0.0, 0.0, tuple(problems), tuple(problems))
    content = encoder_inputs.digest(sources)
    recipe = make_recipe(corpus.name, choice, encoder, content)
    folder = cache / corpus.name / recipe.folder()
    if begin is not None:
        begin(folder, recipe)
    build = Builder(corpus.root, machine, encoder, recipe)
    done = _fill(folder, _plan(recipe, sources), build, filling)
    if done.complete:
        cache_manifest.list_parts(folder)
    if filling.makes_current and done.complete:
        current_content.mark_current(folder, recipe)
    return replace(done, problems=(*problems, *done.problems), absent=tuple(problems))


def _find(
    corpus: Corpus,
    modality: str,
    machine: Machine,
    cache: Path,
    listing: RecordingListing | None,
) -> tuple[list[InputSource], list[Problem]]:
    """Return the inputs of one modality, and the problems of unusable utterances."""
    with ExitStack() as stack:
        if listing is None and modality_named(modality).has_times:
            listing = stack.enter_context(
                encoder_inputs.list_recordings(
                    corpus, modality, cache, machine.limit, machine.threads
                )
            )
        return encoder_inputs.find(
            corpus,
            modality,
            limit=machine.limit,
            threads=machine.threads,
            progress=machine.progress,
            listing=listing,
        )


def _fill(
    folder: Path, plan: Plan, build: Builder, filling: CacheFilling
) -> ExtractionOutcome:
    """Build the missing parts of a shard."""
    share = {n: part for n, part in plan.items() if n in filling.share}
    began = time.monotonic()
    modality, log = modality_named(build.recipe.modality), CacheFolder(folder).work
    device = filling.device or build.machine.device_name
    with (
        log_work("extract", device=device, unit=modality.unit) as clock,
        bar(
            total=sum(s.size for part in share.values() for s in part),
            name=modality.name,
            unit=modality.unit,
            show=build.machine.progress,
        ) as progress,
    ):
        if len(CacheFolder(folder).parts()) < len(plan):
            clock.begin(log)  # so that it is known if this process is killed
        encoded = filling.fill(
            folder, share, build, count=len(plan), report_size=progress.update
        )
        clock.count(log, encoded)
    tidy(folder, len(plan))
    elapsed = time.monotonic() - began
    done = ExtractionOutcome(
        folder, 0, encoded, elapsed, problems=(), planned=len(plan)
    )
    return _with_counts(done, folder, expected=bool(share))


def _with_counts(
    done: ExtractionOutcome, folder: Path, *, expected: bool
) -> ExtractionOutcome:
    """Return the outcome with the numbers of rows and parts that the cache has now."""
    contents = store.read_headers(folder)
    if contents is None and expected:
        raise AffuseError(
            f"{folder} was removed while it was being filled; repeat the command"
        )
    if contents is None:
        return done
    return replace(
        done,
        utterances=contents.rows,
        problems=contents.problems,
        present=len(contents.present),
    )


def stored_problems(folder: Path) -> dict[int, tuple[Problem, ...]]:
    """Return the problems that the parts of a cache store, by number of the part.

    Args:
        folder: of the cache
    """
    heads = {
        number: parts.header(parts.part_path(folder, number))
        for number in store.part_numbers(folder)
    }
    return {
        number: tuple(p for p in head.problems if p.reason != OLD_NOTE)
        for number, head in heads.items()
    }


def _plan(recipe: Recipe, sources: Sequence[InputSource]) -> Plan:
    """Return the inputs of each part, by number; part 0 has the longest inputs."""
    modality = modality_named(recipe.modality)
    places = batching.parts(
        [s.size for s in sources],
        [s.utterance.id for s in sources],
        rows=modality.part_rows,
        size=modality.part_size / _copies(recipe),
    )
    if len(places) > parts.MOST:
        raise AffuseError(
            f"corpus '{recipe.corpus}' needs {len(places):,} parts, more than the "
            f"{parts.MOST:,} of a cache; divide it into several manifests, with a "
            f"--name each"
        )
    return {n: [sources[i] for i in part] for n, part in enumerate(places)}


def _copies(recipe: Recipe) -> int:
    """Return the number of vectors per frame that stay in memory with a part."""
    return len(recipe.layers) if recipe.pooling == "frames" else 1
