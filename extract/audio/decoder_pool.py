"""Decoding of audio files in other processes, which isolates hangs and crashes.

`probe` and `load` return the same results and errors as the functions of these names in
`affuse.extract.audio.decoding`. A file that hangs or crashes the decoder is refused
too, and does not end the run.
"""

import atexit
import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from affuse.extract.audio import decoding
from affuse.extract.audio.decoder_worker import MAIN, Worker

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

    def read(values: Mapping[str, Any], _: np.ndarray) -> decoding.Probe:
        frames, rate, channels = (
            int(values[n]) for n in ("frames", "rate", "channels")
        )
        if frames < 0 or rate < 1:
            raise ValueError(values)
        digest, cut_off = str(values["digest"]), bool(values["cut_off"])
        repairs = tuple(map(str, values["repairs"]))
        return decoding.Probe(digest, frames, rate, channels, cut_off, repairs)

    return pool.ask("probe", path, read)


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

    def read(values: Mapping[str, Any], samples: np.ndarray) -> decoding.Decoded:
        rate, channels = int(values["rate"]), int(values["channels"])
        if not len(samples) or not decoding.RATES[0] <= rate <= decoding.RATES[1]:
            raise ValueError(rate)
        repairs = tuple(str(repair) for repair in values["repairs"])
        return decoding.Decoded(samples, rate, channels, repairs, channel)

    wanted = {
        "span": span and [None if at is None else float(at) for at in span],
        "longest": float(longest),
        "channel": None if channel is None else int(channel),
    }
    return decoding.finish(pool.ask("load", path, read, **wanted))


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
        seconds = self.deadline
        with suppress(OSError, ValueError):
            seconds += path.stat().st_size / SLOWEST
        request = {"task": task, "path": str(path.absolute()), **more}
        worker = self._take()
        try:
            values, samples = worker.ask(request, seconds=seconds)
            reason = values.get("unusable")
            result = read(values, samples) if reason is None else None
        except (EOFError, KeyError, TypeError, ValueError, OverflowError) as error:
            why = (
                f"was not decoded within {seconds:.0f} s"
                if worker.expired
                else "crashed the decoder"
            )
            self._remove(worker)
            raise decoding.Unusable(f"{why}; convert it again") from error
        except BaseException:
            self._remove(worker)
            raise
        self._keep(worker)
        if result is None:
            raise decoding.Unusable(str(reason))
        return result

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
            values, _ = worker.ask({"task": "start"}, seconds=DEADLINE)
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
