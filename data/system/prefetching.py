"""Computation of the next item in a thread, while the current one is used."""

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")


def prefetch(items: Iterator[S], job: Callable[[S], T]) -> Generator[T, None, None]:
    """Yield the result of `job` for each item, which a thread computes in advance.

    Args:
        items: advanced by the thread, one item ahead
        job: called in the thread; its error is raised here
    """
    end = object()

    def step() -> T | object:
        item = next(items, end)
        return end if item is end else job(item)  # type: ignore[arg-type]

    with ThreadPoolExecutor(1) as opener:
        future = opener.submit(step)
        while (result := future.result()) is not end:
            future = opener.submit(step)
            yield result  # type: ignore[misc]
