"""Threads of a CPU that run separate batches, and the memory that they share."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Condition
from typing import Any

import torch

from affuse.extract.encoding.choices import Machine

Map = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]


@contextmanager
def single_threaded_map(machine: Machine) -> Iterator[Map]:
    """Yield a `map` that runs each call in a separate CPU thread.

    Inside a call, torch uses only that thread.

    For a GPU, it is the built-in `map`, because a single thread keeps the device busy.

    Args:
        machine: device and number of threads
    """
    if machine.device != "cpu":
        yield map
        return
    shared = torch.get_num_threads()
    # A setting of OpenMP applies to the thread that makes it, so each thread makes it.
    pool = ThreadPoolExecutor(
        machine.threads, initializer=torch.set_num_threads, initargs=(1,)
    )
    try:
        yield pool.map
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(shared)


class MemoryBudget:
    """Memory budget of several threads, in which each reserves space for its batch.

    Args:
        size: of the budget; a larger batch is admitted alone
    """

    def __init__(self, size: int):
        self._size = self._free = size
        self._left = Condition()

    @contextmanager
    def reserve(self, size: int) -> Iterator[None]:
        """Wait until there is enough space, and reserve it in this context.

        Args:
            size: to reserve, in the unit of the budget
        """
        size = min(size, self._size)
        with self._left:
            self._left.wait_for(lambda: size <= self._free)
            self._free -= size
        try:
            yield
        finally:
            with self._left:
                self._free += size
                self._left.notify_all()
