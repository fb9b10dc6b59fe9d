"""Answers of several decoding processes to many questions, as they come."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, Self

from affuse.extract.audio.decoder_service import Question, Service
from affuse.extract.audio.refusal import Unusable


class SharedIterator:
    """Iterator that several threads may advance.

    Args:
        items: to iterate over
    """

    def __init__(self, items: Iterator[list[Question]]):
        self._items, self._lock = items, threading.Lock()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> list[Question]:
        with self._lock:
            return next(self._items)


class Answers:
    """Iterator over the index of each question and its answer, or its `Unusable`.

    The questions are asked from the beginning, even if nobody iterates yet.

    Args:
        services: each asks in a thread
        chunks: questions of each message
        use: called in these threads with the index of a question and its answer; it
            returns the result, or raises `Unusable`; None for the answer itself
    """

    def __init__(
        self,
        services: Sequence[Service],
        chunks: Iterator[list[Question]],
        use: Callable[[int, Any], Any] | None = None,
    ):
        self._services, self._use = services, use
        self._results = SimpleQueue[tuple[int, Any] | None]()  # None: a service ended
        self._running = len(services)
        executor = ThreadPoolExecutor(max(1, len(services)))
        shared = SharedIterator(chunks)
        self._futures = [executor.submit(s.run, shared, self._put) for s in services]
        for future in self._futures:
            future.add_done_callback(lambda _: self._results.put(None))
        executor.shutdown(wait=False)

    def _put(self, question: Question, answer: Any) -> None:
        if self._use is not None and not isinstance(answer, Unusable):
            try:
                answer = self._use(question.index, answer)
            except Unusable as error:
                answer = error
        self._results.put((question.index, answer))

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> tuple[int, Any]:
        """Return the next index and answer.

        Raises:
            OSError: if no process can be started
        """
        try:
            while self._running:
                item = self._results.get()
                if item is not None:
                    return item
                self._running -= 1
                for future in self._futures:
                    if future.done():
                        future.result()  # This raises its error.
        except BaseException:
            self.close()
            raise
        raise StopIteration

    def close(self) -> None:
        """Stop asking, and end the processes that are asked."""
        for service in self._services:
            service.stop()
        for future in self._futures:
            future.exception()  # This waits until its thread has ended.
        self._running = 0
