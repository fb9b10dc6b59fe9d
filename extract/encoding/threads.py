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
def alone(machine: Machine) -> Iterator[Map]:
    """Yield a `map` that runs each call in one CPU thread, without parallelism inside.

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


class Room:
    """Memory budget of several threads, in which each reserves space for its batch.

    Args:
        size: of the budget; a larger batch is admitted alone
    """

    def __init__(self, size: int):
        self._size = self._free = size
        self._left = Condition()

    @contextmanager
    def hold(self, size: int) -> Iterator[None]:
        """Reserve space until the end of the block, and wait until there is enough.

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
