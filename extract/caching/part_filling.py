"""Filling of a cache: builds and writes its missing parts one after another.

Three threads overlap. One decodes the next part, one runs the encoder on the current
part, and one writes the previous part.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

from affuse.data.cache import cache_manifest, parts
from affuse.data.cache.recipe import Recipe
from affuse.data.system.prefetching import prefetch
from affuse.data.terminal import printable
from affuse.extract.caching.encoder_inputs import InputSource
from affuse.extract.caching.part_building import Batch, Builder, PartInputs
from affuse.extract.caching.part_claims import COMPLETE, INCOMPLETE, Claims, Plan
from affuse.extract.caching.row_reuse import CachedRow, CachedRows
from affuse.extract.encoding import encoder_revisions

PACKAGES = ("torch", "transformers", "h5py", "numpy", "soundfile", "soxr", "av")


@dataclass(frozen=True)
class PartTask:
    """Prepared inputs of one part."""

    number: int
    opened: PartInputs | None  # None if the part is complete
    file: Path | None = None  # of the part, if it exists with usable rows


def fill(
    folder: Path,
    plan: Plan,
    build: Builder,
    *,
    count: int,
    report_size: Callable[[float], object],
    cached_rows: CachedRows | None = None,
) -> float:
    """Build and write the missing parts of a cache.

    Args:
        folder: of the cache
        plan: inputs of all parts or of some, by number of the part
        build: builds one part
        count: number of parts of the complete cache
        report_size: called with sizes of inputs that are encoded or exist already
        cached_rows: cached rows of sibling folders; None to search for them here

    Returns:
        size of the encoded inputs, in the unit of the modality
    """
    siblings = cached_rows or CachedRows(folder, build.recipe)
    encoded = 0.0

    def opened(claim: tuple[int, str]) -> PartTask:
        number, state = claim
        if state == COMPLETE:
            return PartTask(number, None)
        file = parts.part_path(folder, number) if state == INCOMPLETE else None
        rows = partial(siblings.rows, rebuilt_part=file)
        return PartTask(number, build.open(plan[number], rows), file)

    def settled(number: int) -> bool:
        path = parts.part_path(folder, number)
        return is_settled(path, plan[number], build, siblings)

    with (
        Claims(folder, build.recipe, plan, count, settled) as claims,
        ThreadPoolExecutor(1) as writer,
        closing(prefetch(claims.each(), opened)) as jobs,
        ExitStack() as leaving,
    ):
        # Without this, an error here would wait for the parts of other processes.
        leaving.callback(claims.stop)
        writing: Future[None] | None = None
        for job in jobs:
            size = sum(s.size for s in plan[job.number])
            if job.opened is None:
                claims.release(job.number)
                report_size(size)
                continue
            batches = build.encode(job.opened, report_size)
            new = sum(i.source.size for i in job.opened.inputs)
            report_size(size - new)  # the inputs that needed no encoding
            encoded += new
            if writing:
                writing.result()  # This raises an error of writing, as of a full disk.
            writing = writer.submit(_write, folder, count, build, job, batches, claims)
        if writing:
            writing.result()
    return encoded


def is_settled(
    path: Path, sources: Sequence[InputSource], build: Builder, cached_rows: CachedRows
) -> bool:
    """Return True if all inputs that failed in a part fail again for the same reason.

    The inputs are read without a claim on the part, and nothing is encoded.

    Args:
        path: of an existing part that lacks some inputs
        sources: planned inputs of the part
        build: reads the inputs
        cached_rows: cached rows of sibling folders
    """
    failed = {p.id: p.reason for p in parts.header(path).problems if p.fatal}
    tried = [s for s in sources if s.utterance.id in failed]
    results = build.open(tried, cached_rows.rows).results
    return all(_reason(results.get(s.content)) == failed[s.utterance.id] for s in tried)


def _reason(result: CachedRow | str | None) -> str:
    """Return the reason of a failure as a part stores it; "" if there is none."""
    return printable(result) if isinstance(result, str) else ""


def _write(
    folder: Path,
    count: int,
    build: Builder,
    job: PartTask,
    batches: list[Batch],
    claims: Claims,
) -> None:
    """Publish a part unless it is unchanged, and release the claim on it."""
    path = parts.part_path(folder, job.number)
    part = build.finish(cast(PartInputs, job.opened), batches)
    if job.file is None or not _is_unchanged(path, part, build.recipe):
        cache_manifest.unlist_part(path)
        parts.write(
            path,
            part,
            recipe=build.recipe,
            parts=count,
            versions=_versions(build.recipe),
        )
    claims.release(job.number)


def _is_unchanged(path: Path, part: parts.Part, recipe: Recipe) -> bool:
    """Return True if a file has the ids, inputs and problems of a part.

    Equal inputs have equal rows, so rows are not compared.
    """
    arrays, _ = parts.outline(path, recipe)
    stored = [tuple(v.decode() for v in arrays[name]) for name in ("ids", "contents")]
    is_equal = stored == [part.ids, part.contents]
    return is_equal and parts.header(path).problems == part.problems


def _versions(recipe: Recipe) -> Mapping[str, str]:
    """Return the versions of the packages that embeddings depend on, by name."""
    installed = {name: encoder_revisions.installed_version(name) for name in PACKAGES}
    return {**installed, **encoder_revisions.packages(recipe.encoder)}
