"""Handle of one decoding process: its channel, its deadline and checks of its answers.

A malicious file may control the process, so each answer is validated.
"""

import json
import math
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from affuse.data.errors import AffuseError
from affuse.extract.audio import shared_memory
from affuse.extract.audio.decoder_main import LENGTH
from affuse.extract.audio.decoding import SAMPLE_RATE
from affuse.extract.audio.shared_memory import SAMPLE, Blocks

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
        self.requests, theirs = _channel()
        self.process = subprocess.Popen(
            [sys.executable, "-X", utf8, "-c", main, *paths],
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **ONE_THREAD},
        )
        assert self.process.stdout is not None
        self.answers = self.process.stdout
        if isinstance(theirs, socket.socket):
            theirs.close()
        self.requests = self.requests or self.process.stdin
        with suppress(ImportError, AttributeError, OSError):  # only Linux can do it
            import fcntl

            fcntl.fcntl(self.answers, fcntl.F_SETPIPE_SZ, PIPE)
        self.sent = self.answered = 0  # numbers of requests
        self.blocks = Blocks()
        self.files = 0  # that the process has answered
        self.lock = threading.Lock()  # so that `watch` never ends a later request
        self.until = math.inf  # deadline by the monotonic clock
        self.expired = False

    def send(
        self, requests: Sequence[Mapping[str, Any]], descriptor: int | None = None
    ) -> None:
        """Send requests, which are answered in their order.

        If the process has ended, nothing is sent, and `receive` raises an error.

        Args:
            requests: task, path and seconds, as `decoder_main` reads them
            descriptor: of the memory for their samples; None for a pipe
        """
        numbered = [
            {"number": self.sent + i, **request}
            for i, request in enumerate(requests, start=1)
        ]
        self.sent += len(requests)
        text = json.dumps(numbered).encode()
        message = LENGTH.pack(len(text)) + text
        with suppress(OSError):
            if not isinstance(self.requests, socket.socket):
                self.requests.write(message)
                self.requests.flush()
                return
            descriptors = [] if descriptor is None else [descriptor]
            count = socket.send_fds(self.requests, [message], descriptors)
            self.requests.sendall(message[count:])

    def receive(
        self, request: Mapping[str, Any], memory: np.ndarray | None = None
    ) -> tuple[dict[str, Any], np.ndarray]:
        """Return the next answer: values, and (n,) float32 samples.

        Args:
            request: that is answered; after its seconds, `watch` ends the process
            memory: that was sent with it

        Raises:
            EOFError: if the process ends, or its answer is invalid
        """
        self.answered += 1
        with self.lock:
            self.until = time.monotonic() + request["seconds"]
        try:
            return self._answer(request, memory)
        except NO_ANSWER as error:
            raise EOFError from error
        finally:
            with self.lock:
                self.until = math.inf

    def _answer(
        self, request: Mapping[str, Any], memory: np.ndarray | None
    ) -> tuple[dict[str, Any], np.ndarray]:
        """Return the next answer, or raise an error if it is invalid."""
        (size,) = LENGTH.unpack(self._read(bytearray(LENGTH.size)))
        if size > LONGEST_TEXT:
            raise AffuseError(size)
        values = dict(json.loads(self._read(bytearray(size))))
        count, is_shared = int(values.get("samples", 0)), bool(values.get("shared"))
        first, room = request.get("room", (0, 0))
        most = room if is_shared else request.get("longest", 0.0) * SAMPLE_RATE + 1
        if values["number"] != self.answered or not 0 <= count <= most:
            raise AffuseError(values)
        if is_shared:
            if memory is None:
                raise AffuseError(values)
            return values, memory[first : first + count]
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
        """Kill the process and close its channel."""
        self.process.kill()
        with suppress(subprocess.TimeoutExpired):  # a hanging kernel call delays it
            self.process.wait(timeout=10)
        self._close()

    def disown(self) -> None:
        """Close this process's channel, and leave the decoder to the parent process.

        This is for a forked process, which cannot wait for its parent's children.
        """
        self.process.returncode = 0  # prevents a wait when the object is deleted
        self._close()

    def _close(self) -> None:
        with suppress(OSError):  # A pipe of an ended process may hold a message.
            self.requests.close()
        self.answers.close()
        self.blocks.close()


def _channel() -> tuple[Any, Any]:
    """Return both ends of a channel for requests; None and a pipe without sockets.

    A socket can pass the descriptors of shared memory, and a pipe cannot.
    """
    if shared_memory.IS_SUPPORTED:
        return socket.socketpair()
    return None, subprocess.PIPE
