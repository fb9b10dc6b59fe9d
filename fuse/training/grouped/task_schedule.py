"""Work for several threads of a CPU, some of it waiting for other work."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event
from typing import Any

import torch

Stopped = Callable[[], bool]


@dataclass(frozen=True)
class Work:
    """Something that one thread does."""

    run: Callable[[Stopped], Any]  # told whom to ask whether it shall end early
    after: frozenset[int] = frozenset()  # places of works that must be done first


def spread(works: Sequence[Work], *, threads: int) -> Iterator[tuple[int, Any]]:
    """Do all of it; yield each place and result when it is done.

    Each thread computes with one thread only: that is faster than dividing single
    products, and what comes out does not depend on how many threads there are. Work
    that waited for other work goes first, so that something is finished early.

    An error of one work ends all of them.
    """
    stop, shared = Event(), torch.get_num_threads()
    # said in each thread: what OpenMP is told counts for the one that tells it
    pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))
    waiting, done = set(range(len(works))), set[int]()
    running: dict[Future[Any], int] = {}
    try:
        while waiting or running:
            for place in _next(works, waiting, done, threads - len(running)):
                waiting.remove(place)
                running[pool.submit(works[place].run, stop.is_set)] = place
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                place = running.pop(future)
                done.add(place)
                yield place, future.result()
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(shared)


def _next(
    works: Sequence[Work], waiting: set[int], done: set[int], free: int
) -> list[int]:
    """Places of works that can be done now, no more than are `free`."""
    ready = [place for place in waiting if works[place].after <= done]
    return sorted(ready, key=lambda place: (not works[place].after, place))[:free]
