"""Cache of tensors that several tasks share; the first task computes them."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock

from torch import Tensor


class TensorCache:
    """Cache that holds the tensors that were used last, up to a limit.

    If threads ask for a tensor at the same time, one computes it and the others wait.

    Args:
        limit: bytes; beyond it, the least recently used tensors are dropped
    """

    def __init__(self, limit: int):
        self._limit, self._lock = limit, Lock()
        self._made: OrderedDict[Hashable, Future[Tensor]] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Tensor]) -> Tensor:
        """Return the tensor of a key, which callers must not change.

        Args:
            key: of the tensor
            make: computes the tensor if it is not cached; its error is raised in all
                threads that wait for it
        """
        with self._lock:
            is_first = key not in self._made
            future = self._made.setdefault(key, Future())
            self._made.move_to_end(key)
        if is_first:
            try:
                future.set_result(make())
            except BaseException as error:
                future.set_exception(error)
            self._forget()
        return future.result()

    def _forget(self) -> None:
        """Remove errors, and the least recently used tensors beyond the limit."""
        with self._lock:
            held = 0
            for key, future in reversed(list(self._made.items())):
                if not future.done():
                    continue
                if future.exception() or held + future.result().nbytes > self._limit:
                    del self._made[key]
                else:
                    held += future.result().nbytes
