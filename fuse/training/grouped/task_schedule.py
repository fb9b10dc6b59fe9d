"""Execution of tasks with dependencies in several threads."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event
from typing import Any

import torch

StopRequest = Callable[[], bool]  # returns True if a task must end early


@dataclass(frozen=True)
class ScheduledTask:
    """Task of one thread."""

    run: Callable[[StopRequest], Any]  # must end early if its argument returns True
    after: frozenset[int] = frozenset()  # indices of the tasks that it depends on


def execute_tasks(
    scheduled: Sequence[ScheduledTask], *, threads: int
) -> Iterator[tuple[int, Any]]:
    """Execute all tasks, and yield the index and the result of each when it ends.

    Each thread computes with one torch thread. This is faster than dividing single
    products, and results do not depend on the number of threads. Tasks with
    dependencies are executed first, so that some results are ready early. An error of
    one task ends all of them.

    Args:
        scheduled: the tasks
        threads: number of threads
    """
    stop, shared = Event(), torch.get_num_threads()
    # The number of OpenMP threads is a property of the thread that sets it.
    pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))
    waiting, done = set(range(len(scheduled))), set[int]()
    running: dict[Future[Any], int] = {}
    try:
        while waiting or running:
            for index in _next(scheduled, waiting, done, threads - len(running)):
                waiting.remove(index)
                running[pool.submit(scheduled[index].run, stop.is_set)] = index
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                index = running.pop(future)
                done.add(index)
                yield index, future.result()
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(shared)


def _next(
    scheduled: Sequence[ScheduledTask], waiting: set[int], done: set[int], free: int
) -> list[int]:
    """Return indices of tasks that can start now, at most `free`."""
    ready = [index for index in waiting if scheduled[index].after <= done]
    return sorted(ready, key=lambda index: (not scheduled[index].after, index))[:free]
