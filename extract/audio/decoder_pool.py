"""Decoding of audio files in other processes, which isolates hangs and crashes.

`probe` and `load` return the same results and errors as the functions of these names in
`affuse.extract.audio.decoding`. A file that hangs or crashes the decoder is refused
too, and does not end the run. `probe_all` and `load_all` do the same for many files,
and keep several processes busy.
"""

import atexit
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from affuse.extract.audio import decoding, sound_requests
from affuse.extract.audio.decoder_answers import Answers
from affuse.extract.audio.decoder_service import Question, Service, messages
from affuse.extract.audio.decoder_worker import MAIN, Worker
from affuse.extract.audio.sound_requests import SoundRequest

DEADLINE = 120.0  # seconds for a small file, and for the start of a process
SLOWEST = 2**20  # bytes per second of the slowest storage; extends the deadline
TICK = 0.5  # seconds between two checks of the deadlines

Result = TypeVar("Result")


def probe(path: Path) -> decoding.Probe:
    """Return the digest and the header of a file, see `decoding.probe`.

    Args:
        path: of the file

    Raises:
        Unusable: as in `decoding.probe`, or if the decoder hangs or crashes
        OSError: if the decoder cannot be started
    """
    return pool.ask("probe", path, sound_requests.read_probe)


def load(
    path: Path,
    span: tuple[float, float | None] | None = None,
    *,
    longest: float,
    channel: int | None = None,
) -> decoding.Waveform:
    """Return the samples of one span of a file, see `decoding.load`.

    Args:
        path: of the file
        span: start and end in seconds (None: end of the file); None for all of it
        longest: seconds; a longer span is refused before it is decoded
        channel: counted from 1; None for the mean of all channels

    Raises:
        Unusable: as in `decoding.load`, or if the decoder hangs or crashes
        OSError: if the decoder cannot be started
    """
    request = SoundRequest(path, span, longest=longest, channel=channel)
    return pool.ask("load", path, request.read, **request.values())


def probe_all(paths: Sequence[Path], threads: int) -> Answers:
    """Return an iterator over the position and the probe, or `Unusable`, of each file.

    Args:
        paths: of the files
        threads: number of processes, which begin at once
    """
    read = sound_requests.read_probe
    questions = [Question(i, "probe", path, read) for i, path in enumerate(paths)]
    return pool.ask_all(questions, threads)


def load_all(
    requests: Sequence[SoundRequest],
    threads: int,
    use: Callable[[int, decoding.Waveform], Any],
) -> Answers:
    """Return an iterator over decoded spans of files, which begin at once.

    Args:
        requests: spans of files
        threads: number of processes, and of threads that call `use`
        use: called with the position of a request and its samples, in one of several
            threads; it may raise `Unusable`

    Returns:
        yields the position of each request with the result of `use`, or its `Unusable`,
        in any order
    """
    questions = [
        Question(i, "load", r.path, r.read, r.values(), r.room)
        for i, r in enumerate(requests)
    ]
    return pool.ask_all(questions, threads, use)


class Pool:
    """Pool of decoding processes, one for each concurrent request, started on demand.

    Args:
        main: Python code of a process; see `affuse.extract.audio.decoder_worker`
        deadline: seconds for one file
    """

    def __init__(self, main: str = MAIN, *, deadline: float = DEADLINE):
        self.main, self.deadline = main, deadline
        self._reset()

    def _reset(self) -> None:
        self.workers: set[Worker] = set()
        self.idle: list[Worker] = []
        self.lock = threading.Lock()
        self.closed: threading.Event | None = None  # None: no watching thread runs

    def ask(
        self,
        task: str,
        path: Path,
        read: Callable[[Mapping[str, Any], np.ndarray], Result],
        **more: Any,
    ) -> Result:
        """Run a task of `decoder_main` in a process, and return the converted answer.

        Args:
            task: key of `decoder_main.TASKS`
            path: of the file
            read: converts the values and samples of an answer
            more: further values of the request

        Raises:
            Unusable: if the file cannot be used, or it hangs or crashes the process
            OSError: if no process can be started
        """
        results: list[Any] = []
        question = Question(0, task, path, read, more)
        self._service().run(
            iter([[question]]), lambda _, result: results.append(result)
        )
        if isinstance(results[0], decoding.Unusable):
            raise results[0]
        answer: Result = results[0]
        return answer

    def ask_all(
        self,
        questions: Sequence[Question],
        threads: int,
        use: Callable[[int, Any], Any] | None = None,
    ) -> Answers:
        """Ask questions, and return an iterator over their answers at once.

        Several questions are in flight for each process, so that none waits.

        Args:
            questions: to ask
            threads: number of processes, and of threads that serve them
            use: called in these threads with the index of a question and its answer; it
                returns the result, or raises `Unusable`
        """
        services = [self._service() for _ in range(min(threads, len(questions)))]
        return Answers(services, messages(questions, threads), use)

    def _service(self) -> Service:
        return Service(self._take, self._keep, self._remove, self._seconds)

    def _seconds(self, path: Path) -> float:
        """Return the time limit for a file."""
        with suppress(OSError, ValueError):
            return self.deadline + os.stat(path).st_size / SLOWEST
        return self.deadline

    def _take(self) -> Worker:
        """Return an idle process, or a new one."""
        while self.idle:
            with suppress(IndexError):  # another thread was faster
                worker = self.idle.pop()
                if worker.is_alive():
                    return worker
                self._remove(worker)
        return self._start()

    def _start(self) -> Worker:
        worker = Worker(self.main)
        self.workers.add(worker)
        with self.lock:
            if self.closed is None:
                self.closed = threading.Event()
                threading.Thread(
                    target=self._watch, args=(self.closed,), daemon=True
                ).start()
        why: object = "its process ends at once"
        try:
            request = {"task": "start", "seconds": DEADLINE}
            worker.send([request])
            values, _ = worker.receive(request)
            why = values.get("unusable")
        except EOFError:
            pass
        finally:
            if why is not None:
                self._remove(worker)
        if why is not None:
            raise OSError(f"the decoder of sound files does not start: {why}")
        return worker

    def _watch(self, closed: threading.Event) -> None:
        while not closed.wait(TICK):
            for worker in list(self.workers):
                worker.watch()

    def _keep(self, worker: Worker) -> None:
        if worker.is_alive():  # the deadline may have ended it just after its answer
            self.idle.append(worker)
        else:
            self._remove(worker)

    def _remove(self, worker: Worker) -> None:
        self.workers.discard(worker)
        worker.stop()

    def close(self) -> None:
        """End all processes; later requests start new ones."""
        with self.lock:
            if self.closed is not None:
                self.closed.set()
            self.closed = None
        self.idle.clear()
        for worker in list(self.workers):
            self._remove(worker)

    def disown(self) -> None:
        """Discard all decoders after a fork; they belong to the parent process."""
        for worker in self.workers:
            worker.disown()
        self._reset()


pool = Pool()
atexit.register(lambda: pool.close())
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: pool.disown())
