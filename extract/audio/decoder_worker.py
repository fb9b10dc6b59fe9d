"""Handle of one decoding process: its pipes, its deadline and checks of its answers.

A malicious file may control the process, so each answer is validated.
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
PIPE = 2**20  # bytes that the pipe can buffer: 16 s of samples
LONGEST_TEXT = 2**16  # bytes of JSON in an answer; longer answers are refused
NO_ANSWER = (BrokenPipeError, ValueError, TypeError, KeyError, RecursionError)
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
)


class Worker:
    """Decoding process that serves one thread at a time.

    It uses `subprocess`, because `multiprocessing` would import the main module again.
    `multiprocessing` also forbids children of daemon processes, and dask and joblib can
    run this code in such processes.

    Args:
        main: Python code, with folders to import from as arguments
    """

    def __init__(self, main: str):
        paths = [path or os.getcwd() for path in sys.path]
        utf8 = f"utf8={sys.flags.utf8_mode}"  # so that file names have the same bytes
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
        with suppress(ImportError, AttributeError, OSError):  # only Linux can do it
            import fcntl

            fcntl.fcntl(self.answers, fcntl.F_SETPIPE_SZ, PIPE)
        self.number = 0  # of requests
        self.lock = threading.Lock()  # so that `watch` never ends a later request
        self.until = math.inf  # deadline by the monotonic clock
        self.expired = False

    def ask(
        self, request: Mapping[str, Any], *, seconds: float
    ) -> tuple[dict[str, Any], np.ndarray]:
        """Return the process's answer to a request: values, and (n,) float32 samples.

        Args:
            request: task and path, as `decoder_main` reads them
            seconds: time limit, after which `watch` ends the process

        Raises:
            EOFError: if the process ends, or its answer is invalid
        """
        self.number += 1
        message = {"number": self.number, "seconds": seconds, **request}
        with self.lock:
            self.until = time.monotonic() + seconds
        try:
            self.requests.write(json.dumps(message).encode() + b"\n")
            return self._answer(request.get("longest", 0.0))
        except NO_ANSWER as error:
            raise EOFError from error
        finally:
            with self.lock:
                self.until = math.inf

    def _answer(self, longest: float) -> tuple[dict[str, Any], np.ndarray]:
        """Return the next answer, or raise an error if it is invalid."""
        (size,) = LENGTH.unpack(self._read(bytearray(LENGTH.size)))
        if size > LONGEST_TEXT:
            raise AffuseError(size)
        values = dict(json.loads(self._read(bytearray(size))))
        count = int(values.get("samples", 0))
        most = longest * SAMPLE_RATE + 1
        if values["number"] != self.number or not 0 <= count <= most:
            raise AffuseError(values)
        samples = np.empty(count, SAMPLE)
        self._read(samples.view(np.uint8).data)
        return values, samples.astype(np.float32, copy=False)

    def _read(self, buffer: Any) -> Any:
        """Fill a buffer from the pipe, and return it."""
        remainder = memoryview(buffer)
        while remainder:
            count = self.answers.readinto(remainder)  # type: ignore[attr-defined]
            if not count:
                raise EOFError
            remainder = remainder[count:]
        return buffer

    def watch(self) -> None:
        """End the process if the deadline of its request has passed."""
        with self.lock:
            if time.monotonic() > self.until:
                self.expired = True
                self.process.kill()

    def is_alive(self) -> bool:
        """Return True if the process can serve requests."""
        return not self.expired and self.process.poll() is None

    def stop(self) -> None:
        """Kill the process and close its pipes."""
        self.process.kill()
        with suppress(subprocess.TimeoutExpired):  # a hanging kernel call delays it
            self.process.wait(timeout=10)
        self.requests.close()
        self.answers.close()

    def disown(self) -> None:
        """Close this process's pipes, and leave the decoder to the parent process.

        This is for a forked process, which cannot wait for its parent's children.
        """
        self.process.returncode = 0  # prevents a wait when the object is deleted
        self.requests.close()
        self.answers.close()
