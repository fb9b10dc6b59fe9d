"""Sound files decoded in other processes: one that hangs costs itself, not the run.

`probe` and `load` do what those of `affuse.extract.audio.decoding` do, with the same
samples and the same reasons; a file that hangs or crashes the decoder is unusable too.
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
SLOWEST = 2**20  # bytes per second that any storage gives, so large files get more time
TICK = 0.5  # seconds from one look at the clock to the next

Found = TypeVar("Found")


def probe(path: Path) -> decoding.Probe:
    """Hash a file and read its header; see `audio.probe`.

    Raises:
        Unusable: as `audio.probe`, or if the decoder hangs or crashes
        OSError: if there is no decoder
    """

    def read(found: Mapping[str, Any], _: np.ndarray) -> decoding.Probe:
        frames, rate, channels = (int(found[n]) for n in ("frames", "rate", "channels"))
        if frames < 0 or rate < 1:
            raise ValueError(found)
        digest, cut_off = str(found["digest"]), bool(found["cut_off"])
        repairs = tuple(map(str, found["repairs"]))
        return decoding.Probe(digest, frames, rate, channels, cut_off, repairs)

    return pool.ask("probe", path, read)


def load(
    path: Path, span: tuple[float, float | None] | None = None, *, longest: float
) -> decoding.Waveform:
    """Decode, mix down, resample and check one stretch of a file; see `audio.load`.

    Raises:
        Unusable: as `audio.load`, or if the decoder hangs or crashes
        OSError: if there is no decoder
    """

    def read(found: Mapping[str, Any], samples: np.ndarray) -> decoding.Decoded:
        rate, channels = int(found["rate"]), int(found["channels"])
        if not len(samples) or not decoding.RATES[0] <= rate <= decoding.RATES[1]:
            raise ValueError(rate)
        repairs = tuple(str(repair) for repair in found["repairs"])
        return decoding.Decoded(samples, rate, channels, repairs)

    exact = span and [None if at is None else float(at) for at in span]
    decoded = pool.ask("load", path, read, span=exact, longest=float(longest))
    return decoding.finish(decoded)


class Pool:
    """As many processes as are asked at once; they start when needed, and are kept.

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
        self.closed: threading.Event | None = None  # None: nobody watches

    def ask(
        self,
        task: str,
        path: Path,
        read: Callable[[Mapping[str, Any], np.ndarray], Found],
        **more: Any,
    ) -> Found:
        """Have a task of `decoder_main` done; `read` makes something of the answer.

        Raises:
            Unusable: if the file is, or if it hangs or crashes the process
            OSError: if no process can be started
        """
        seconds = self.deadline
        with suppress(OSError, ValueError):
            seconds += path.stat().st_size / SLOWEST
        request = {"task": task, "path": str(path.absolute()), **more}
        worker = self._take()
        try:
            found, samples = worker.ask(request, seconds=seconds)
            reason = found.get("unusable")
            made = read(found, samples) if reason is None else None
        except (EOFError, KeyError, TypeError, ValueError, OverflowError) as error:
            why = (
                f"was not decoded within {seconds:.0f} s"
                if worker.expired
                else "crashed the decoder"
            )
            self._remove(worker)
            raise decoding.Unusable(f"{why}; convert it once more") from error
        except BaseException:
            self._remove(worker)
            raise
        self._keep(worker)
        if made is None:
            raise decoding.Unusable(str(reason))
        return made

    def _take(self) -> Worker:
        """A process that has nothing to do, or a new one."""
        while self.idle:
            with suppress(IndexError):  # another thread was faster
                worker = self.idle.pop()
                if worker.lives():
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
            found, _ = worker.ask({"task": "start"}, seconds=DEADLINE)
            why = found.get("unusable")
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
        if worker.lives():  # it may have been ended in the moment of its answer
            self.idle.append(worker)
        else:
            self._remove(worker)

    def _remove(self, worker: Worker) -> None:
        self.workers.discard(worker)
        worker.stop()

    def close(self) -> None:
        """End all processes; who asks later gets new ones."""
        with self.lock:
            if self.closed is not None:
                self.closed.set()
            self.closed = None
        self.idle.clear()
        for worker in list(self.workers):
            self._remove(worker)

    def disown(self) -> None:
        """Leave all processes to the one that this process was forked from."""
        for worker in self.workers:
            worker.disown()
        self._reset()


pool = Pool()
atexit.register(lambda: pool.close())
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: pool.disown())
