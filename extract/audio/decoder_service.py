"""Service of many requests by one decoding process, several of them in flight.

A request that crashes or hangs the process is refused, and the others are sent to
another process.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from affuse.extract.audio.decoder_worker import Worker
from affuse.extract.audio.refusal import Unusable
from affuse.extract.audio.shared_memory import IS_SUPPORTED, USUAL, aligned

LARGEST = 16  # requests of a message
AHEAD = 2  # messages that are sent before the first of them is answered completely
TEXT = 2**13  # characters of all file names of a message, so that it fits in a buffer
INVALID = (EOFError, KeyError, TypeError, ValueError, OverflowError)


@dataclass(frozen=True)
class Question:
    """Request on one file, and what is done with its answer."""

    index: int  # among all questions that are asked together
    task: str  # key of `decoder_main.TASKS`
    path: Path
    # Converts values and samples; an error means that the process cannot be trusted.
    read: Callable[[Mapping[str, Any], np.ndarray], Any]
    more: Mapping[str, Any] = field(default_factory=dict)
    room: int = 0  # samples for which the answer gets shared memory


@dataclass
class Message:
    """Questions that are sent together, and the memory for their samples."""

    questions: deque[Question]
    requests: deque[Mapping[str, Any]]
    memory: np.ndarray | None  # (samples,) float32


def messages(questions: Sequence[Question], threads: int) -> Iterator[list[Question]]:
    """Yield the questions of each message, in order.

    Args:
        questions: to divide
        threads: that send messages; each gets several
    """
    most = max(1, min(LARGEST, len(questions) // (2 * AHEAD * threads)))
    chosen: list[Question] = []
    room = text = 0
    for question in questions:
        length = len(str(question.path))
        is_full = room + aligned(question.room) > USUAL or text + length > TEXT
        if chosen and (is_full or len(chosen) == most):
            yield chosen
            chosen, room, text = [], 0, 0
        chosen.append(question)
        room, text = room + aligned(question.room), text + length
    if chosen:
        yield chosen


class Service:
    """Sender of questions to one process at a time, which it takes from a pool.

    Args:
        take: returns a process
        give_back: called with a process that works
        remove: called with a process that does not
        seconds: returns the time limit for a file
    """

    def __init__(
        self,
        take: Callable[[], Worker],
        give_back: Callable[[Worker], object],
        remove: Callable[[Worker], object],
        seconds: Callable[[Path], float],
    ):
        self._take, self._give_back, self._remove = take, give_back, remove
        self._seconds = seconds
        self.worker: Worker | None = None
        self._waiting: deque[Message] = deque()
        self._is_stopped = False

    def run(
        self,
        chunks: Iterator[list[Question]],
        put: Callable[[Question, Any], object],
    ) -> None:
        """Ask all questions of an iterator, which several services may share.

        Args:
            chunks: questions of each message
            put: called with a question and its result: the converted answer, or
                `Unusable`

        Raises:
            OSError: if no process can be started
        """
        try:
            while not self._is_stopped:
                while len(self._waiting) < AHEAD and (chunk := next(chunks, None)):
                    self._send(chunk)
                if not self._waiting:
                    break
                self._receive(put)
        except BaseException:
            self._drop()
            raise
        if self.worker is not None:
            self._give_back(self.worker)
            self.worker = None

    def stop(self) -> None:
        """End a call of `run` in another thread, and its process."""
        self._is_stopped = True
        if (worker := self.worker) is not None:
            worker.process.kill()

    def _send(self, questions: Sequence[Question]) -> None:
        """Send questions to the process, with memory for their samples."""
        if self.worker is None:
            self.worker = self._take()
        first, requests = 0, []
        for q in questions:
            path = str(q.path if q.path.is_absolute() else q.path.absolute())
            seconds = self._seconds(q.path)
            request = {"task": q.task, "path": path, "seconds": seconds, **q.more}
            requests.append({**request, "room": (first, q.room)})
            first += aligned(q.room)
        descriptor, memory = None, None
        if first and IS_SUPPORTED:
            with suppress(OSError):  # Without memory, samples go through the pipe.
                descriptor, memory = self.worker.blocks.lease(first)
        self.worker.send(requests, descriptor)
        self._waiting.append(Message(deque(questions), deque(requests), memory))

    def _receive(self, put: Callable[[Question, Any], object]) -> None:
        """Take the answers to the first message, and put each."""
        message = self._waiting[0]
        while message.questions:
            assert self.worker is not None
            question, request = message.questions[0], message.requests[0]
            try:
                values, samples = self.worker.receive(request, message.memory)
                reason = values.get("unusable")
                result = question.read(values, samples) if reason is None else None
            except INVALID:
                self._blame(question, request, put)
                return
            self.worker.files += 1
            message.questions.popleft()
            message.requests.popleft()
            put(question, result if reason is None else Unusable(str(reason)))
        self._waiting.popleft()

    def _blame(
        self,
        question: Question,
        request: Mapping[str, Any],
        put: Callable[[Question, Any], object],
    ) -> None:
        """Refuse a question, and send the others to another process.

        An earlier file may have damaged the process. So unless the process was new, the
        question is asked again, first of all in a new process.
        """
        assert self.worker is not None
        if self._is_stopped:
            raise EOFError
        rest = [q for message in self._waiting for q in message.questions]
        is_expired, is_new = self.worker.expired, not self.worker.files
        self._drop()
        if is_expired or is_new:
            rest = rest[1:]
            seconds = request["seconds"]
            why = "crashed the decoder"
            if is_expired:
                why = f"was not decoded within {seconds:.0f} s"
            put(question, Unusable(f"{why}; convert it again"))
        for chunk in messages(rest, 1):
            self._send(chunk)

    def _drop(self) -> None:
        """Remove the process and forget what was sent to it."""
        self._waiting.clear()
        if self.worker is not None:
            self._remove(self.worker)
            self.worker = None
