"""Tensors that several works need: made by the first that asks, and kept for others."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock

from torch import Tensor


class Shared:
    """Remembers what was asked for last, up to a limit.

    Threads may ask at once; one of them makes it and the others wait.

    Args:
        limit: bytes; what was asked for longest ago is forgotten beyond it
    """

    def __init__(self, limit: int):
        self._limit, self._lock = limit, Lock()
        self._made: OrderedDict[Hashable, Future[Tensor]] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Tensor]) -> Tensor:
        """The tensor of that key, which nobody may change.

        Args:
            make: called if there is none; its error is that of all who wait for it
        """
        with self._lock:
            mine = key not in self._made
            found = self._made.setdefault(key, Future())
            self._made.move_to_end(key)
        if mine:
            try:
                found.set_result(make())
            except BaseException as error:
                found.set_exception(error)
            self._forget()
        return found.result()

    def _forget(self) -> None:
        """All but what was asked for last, as far as the limit allows, and errors."""
        with self._lock:
            held = 0
            for key, future in reversed(list(self._made.items())):
                if not future.done():
                    continue
                if future.exception() or held + future.result().nbytes > self._limit:
                    del self._made[key]
                else:
                    held += future.result().nbytes
