"""The parts of a cache that are missing, made one after another.

Three threads take turns, so that none waits for what another could have done before:
one decodes the next part while the encoder is busy with this one and the one before is
written.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypeVar

from data import parts, sealing
from extract.build import Batch, Builder, Opened
from extract.known import Known
from extract.pending import PARTLY, WHOLE, Claims, Plan

PACKAGES = ("torch", "transformers", "h5py", "numpy", "soundfile", "soxr")
T = TypeVar("T")


def fill(
    folder: Path,
    plan: Plan,
    build: Builder,
    *,
    count: int,
    done: Callable[[float], object],
    known: Known | None = None,
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
    siblings = known or Known(folder, build.recipe)
    encoded = 0.0

    def opened(claim: tuple[int, str]) -> tuple[int, Opened | None]:
        number, state = claim
        if state == WHOLE:
            return number, None
        own = parts.part_path(folder, number) if state == PARTLY else None
        return number, build.open(plan[number], partial(siblings.rows, own=own))

    with (
        Claims(folder, build.recipe, plan, count) as claims,
        ThreadPoolExecutor(1) as writer,
        closing(_ahead(claims.each(), opened)) as jobs,
        ExitStack() as leaving,
    ):
        leaving.callback(claims.stop)  # or an error here would wait for others' parts
        writing: Future[None] | None = None
        for number, job in jobs:
            size = sum(s.size for s in plan[number])
            if job is None:
                claims.release(number)
                done(size)
                continue
            batches = build.encode(job, done)
            fresh = sum(i.source.size for i in job.inputs)
            done(size - fresh)  # what was not encoded here
            encoded += fresh
            if writing:
                writing.result()  # a full disk is said now
            writing = writer.submit(
                _write, folder, number, count, build, job, batches, claims
            )
        if writing:
            writing.result()
    return encoded


def _write(
    folder: Path,
    number: int,
    count: int,
    build: Builder,
    job: Opened,
    batches: list[Batch],
    claims: Claims,
) -> None:
    """Publish one part and let go of it."""
    path = parts.part_path(folder, number)
    sealing.forget(path)
    parts.write(
        path,
        build.finish(job, batches),
        recipe=build.recipe,
        parts=count,
        versions=_versions(),
    )
    claims.release(number)


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


def _versions() -> Mapping[str, str]:
    """Of the packages that decide what an embedding is."""
    return {name: _version(name) for name in PACKAGES}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
