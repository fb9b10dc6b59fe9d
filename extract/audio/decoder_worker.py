"""A process that decodes sound files, and the pipes to and from it.

What it answers is checked before it is believed: it may have met a malicious file.
"""

import json
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from affuse.data.errors import AffuseError
from affuse.extract.audio.decoder_main import LENGTH, SAMPLE
from affuse.extract.audio.decoding import SAMPLE_RATE

MAIN = """
import sys
sys.path[:] = sys.argv[1:]
from affuse.extract.audio.decoder_main import main
main()
"""
PIPE = 2**20  # bytes that an answer may be ahead of its reader: 16 s of samples
LONGEST_TEXT = 2**16  # bytes of JSON in an answer; more is no answer
NO_ANSWER = (BrokenPipeError, ValueError, TypeError, KeyError, RecursionError)
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
)


class Worker:
    """One process, which one thread at a time asks.

    It is no child of `multiprocessing`, which would import the main module again, and
    which the daemons that dask and joblib may run us in are not allowed to use.

    Args:
        main: Python code, with folders to import from as arguments
    """

    def __init__(self, main: str):
        paths = [path or os.getcwd() for path in sys.path]
        utf8 = f"utf8={sys.flags.utf8_mode}"  # names are the same bytes there
        self.process = subprocess.Popen(
            [sys.executable, "-X", utf8, "-c", main, *paths],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env={**os.environ, **ONE_THREAD},
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.requests, self.answers = self.process.stdin, self.process.stdout
        with suppress(ImportError, AttributeError, OSError):  # Linux has it, for some
            import fcntl

            fcntl.fcntl(self.answers, fcntl.F_SETPIPE_SZ, PIPE)
        self.number = 0  # of requests
        self.lock = threading.Lock()  # so that no later request is cut short
        self.until = math.inf  # by the monotonic clock
        self.expired = False

    def ask(
        self, request: Mapping[str, Any], *, seconds: float
    ) -> tuple[dict[str, Any], np.ndarray]:
        """What the process finds, and (n,) samples.

        Raises:
            EOFError: if it ends, or is ended, or what it answers is no answer
        """
        self.number += 1
        asked = {"number": self.number, "seconds": seconds, **request}
        with self.lock:
            self.until = time.monotonic() + seconds
        try:
            self.requests.write(json.dumps(asked).encode() + b"\n")
            return self._answer(request.get("longest", 0.0))
        except NO_ANSWER as error:
            raise EOFError from error
        finally:
            with self.lock:
                self.until = math.inf

    def _answer(self, longest: float) -> tuple[dict[str, Any], np.ndarray]:
        """The next answer; what is wrong with it is an error of one kind or another."""
        (size,) = LENGTH.unpack(self._read(bytearray(LENGTH.size)))
        if size > LONGEST_TEXT:
            raise AffuseError(size)
        found = dict(json.loads(self._read(bytearray(size))))
        count = int(found.get("samples", 0))
        most = longest * SAMPLE_RATE + 1
        if found["number"] != self.number or not 0 <= count <= most:
            raise AffuseError(found)
        samples = np.empty(count, SAMPLE)
        self._read(samples.view(np.uint8).data)
        return found, samples.astype(np.float32, copy=False)

    def _read(self, room: Any) -> Any:
        """Fill a buffer, and return it."""
        left = memoryview(room)
        while left:
            count = self.answers.readinto(left)  # type: ignore[attr-defined]
            if not count:
                raise EOFError
            left = left[count:]
        return room

    def watch(self) -> None:
        """End the process if its time for a request is over."""
        with self.lock:
            if time.monotonic() > self.until:
                self.expired = True
                self.process.kill()

    def lives(self) -> bool:
        """Whether it can be asked."""
        return not self.expired and self.process.poll() is None

    def stop(self) -> None:
        """End the process, whatever it does."""
        self.process.kill()
        with suppress(subprocess.TimeoutExpired):  # the kernel itself may hang
            self.process.wait(timeout=10)
        self.requests.close()
        self.answers.close()

    def disown(self) -> None:
        """Leave it to the process that this one was forked from."""
        self.process.returncode = 0  # there is nothing that we could wait for
        self.requests.close()
        self.answers.close()
