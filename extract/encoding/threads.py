"""Threads of a CPU, each with work of its own."""

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
    """A `map` over as many threads as the machine gives, none of which is divided.

    With a GPU it is the usual one: a single thread keeps the device busy.
    """
    if machine.device != "cpu":
        yield map
        return
    shared = torch.get_num_threads()
    # said in each thread: what OpenMP is told counts for the one that tells it
    pool = ThreadPoolExecutor(
        machine.threads, initializer=torch.set_num_threads, initargs=(1,)
    )
    try:
        yield pool.map
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(shared)


class Room:
    """Memory that threads share: who does not fit waits until others have left.

    Args:
        size: of all that may be in it at once; what is larger is let in alone
    """

    def __init__(self, size: int):
        self._size = self._free = size
        self._left = Condition()

    @contextmanager
    def hold(self, size: int) -> Iterator[None]:
        """Be in it with so much."""
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
