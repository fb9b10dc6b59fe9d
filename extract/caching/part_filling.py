"""The parts of a cache that are missing, made one after another.

Three threads take turns, so that none waits for what another could have done before:
one decodes the next part while the encoder is busy with this one and the one before is
written.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypeVar, cast

from affuse.data.cache import cache_manifest, parts
from affuse.data.cache.recipe import Recipe
from affuse.data.terminal import printable
from affuse.extract.caching.encoder_inputs import InputSource
from affuse.extract.caching.part_building import Batch, Builder, Opened
from affuse.extract.caching.part_claims import PARTLY, WHOLE, Claims, Plan
from affuse.extract.caching.row_reuse import CachedRow, CachedRows
from affuse.extract.encoding import encoder_revisions

PACKAGES = ("torch", "transformers", "h5py", "numpy", "soundfile", "soxr", "av")
T = TypeVar("T")


@dataclass(frozen=True)
class PartTask:
    """What there is to do for one part."""

    number: int
    opened: Opened | None  # None: the part is whole
    own: Path | None = None  # the part itself, if it holds good rows


def fill(
    folder: Path,
    plan: Plan,
    build: Builder,
    *,
    count: int,
    done: Callable[[float], object],
    known: CachedRows | None = None,
) -> float:
    """Make those of these parts that are not there.

    Args:
        folder: of the cache
        plan: parts by number, or some of them
        count: of all parts of the cache
        done: told seconds or characters, as they are encoded or found to be there
        known: rows of siblings of this folder, if they were looked for before

    Returns:
        seconds or characters that were encoded
    """
    siblings = known or CachedRows(folder, build.recipe)
    encoded = 0.0

    def opened(claim: tuple[int, str]) -> PartTask:
        number, state = claim
        if state == WHOLE:
            return PartTask(number, None)
        own = parts.part_path(folder, number) if state == PARTLY else None
        rows = partial(siblings.rows, own=own)
        return PartTask(number, build.open(plan[number], rows), own)

    def settled(number: int) -> bool:
        path = parts.part_path(folder, number)
        return is_settled(path, plan[number], build, siblings)

    with (
        Claims(folder, build.recipe, plan, count, settled) as claims,
        ThreadPoolExecutor(1) as writer,
        closing(_ahead(claims.each(), opened)) as jobs,
        ExitStack() as leaving,
    ):
        leaving.callback(claims.stop)  # or an error here would wait for others' parts
        writing: Future[None] | None = None
        for job in jobs:
            size = sum(s.size for s in plan[job.number])
            if job.opened is None:
                claims.release(job.number)
                done(size)
                continue
            batches = build.encode(job.opened, done)
            fresh = sum(i.source.size for i in job.opened.inputs)
            done(size - fresh)  # what was not encoded here
            encoded += fresh
            if writing:
                writing.result()  # a full disk is said now
            writing = writer.submit(_write, folder, count, build, job, batches, claims)
        if writing:
            writing.result()
    return encoded


def is_settled(
    path: Path, sources: Sequence[InputSource], build: Builder, known: CachedRows
) -> bool:
    """Return True if all inputs that failed in a part fail again, for equal reasons.

    They are tried without a claim of the part, and nothing is encoded.

    Args:
        path: of a part that is there, but for some inputs
        sources: what is to be in the part
    """
    failed = {p.id: p.reason for p in parts.header(path).problems if p.fatal}
    tried = [s for s in sources if s.utterance.id in failed]
    found = build.open(tried, known.rows).results
    return all(_reason(found.get(s.content)) == failed[s.utterance.id] for s in tried)


def _reason(result: CachedRow | str | None) -> str:
    """Return why an input failed, as a part tells it; ``""`` if it did not."""
    return printable(result) if isinstance(result, str) else ""


def _write(
    folder: Path,
    count: int,
    build: Builder,
    job: PartTask,
    batches: list[Batch],
    claims: Claims,
) -> None:
    """Publish one part, unless nothing was added to it, and let go of it."""
    path = parts.part_path(folder, job.number)
    made = build.finish(cast(Opened, job.opened), batches)
    if job.own is None or not _is_kept(path, made, build.recipe):
        cache_manifest.forget(path)
        parts.write(
            path,
            made,
            recipe=build.recipe,
            parts=count,
            versions=_versions(build.recipe),
        )
    claims.release(job.number)


def _is_kept(path: Path, made: parts.Part, recipe: Recipe) -> bool:
    """Return True if a part has these rows and problems; rows of an input are equal."""
    arrays, _ = parts.outline(path, recipe)
    kept = [tuple(v.decode() for v in arrays[name]) for name in ("ids", "contents")]
    same = kept == [made.ids, made.contents]
    return same and parts.header(path).problems == made.problems


def _ahead(
    items: Iterator[tuple[int, str]], job: Callable[[tuple[int, str]], T]
) -> Generator[T, None, None]:
    """`job` of each item, done in a thread while the caller is busy with the last."""
    end = object()

    def step() -> T | object:
        item = next(items, None)
        return end if item is None else job(item)

    with ThreadPoolExecutor(1) as opener:
        coming = opener.submit(step)
        while (found := coming.result()) is not end:
            coming = opener.submit(step)
            yield found  # type: ignore[misc]


def _versions(recipe: Recipe) -> Mapping[str, str]:
    """Of the packages that decide what an embedding is."""
    own = {name: _version(name) for name in PACKAGES}
    return {**own, **encoder_revisions.packages(recipe.encoder)}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
