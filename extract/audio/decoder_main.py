"""Main loop of a decoding process, which a `decoder_pool` starts and may kill.

A message on standard input is the length of a JSON text in four bytes and the text,
which holds several requests. They are answered in their order, and each answer is sent
at once. So if this process ends, the first request without an answer is the one to
blame. An answer has the same form as a message. Samples are float32, in memory that the
parent shares, or they follow the answer if there is no room. Nothing is pickled,
because a malicious file may control this process: reading its answer runs no code.
"""

import json
import math
import os
import signal
import socket
import stat
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from affuse.extract.audio import decoding
from affuse.extract.audio.shared_memory import SAMPLE, AttachedBlocks
from affuse.extract.audio.waveform_standardisation import standardise

LENGTH = struct.Struct("<I")  # of the JSON of a message or an answer
NOTHING = np.empty(0, SAMPLE)
GRACE = 5  # seconds after the deadline, in which the parent should end this process
MEMORY = 2**31  # bytes of address space, without samples
PER_SAMPLE = 8  # bytes of address space: twice the size of a sample

Request = Mapping[str, Any]
Answer = tuple[dict[str, Any], np.ndarray]  # values for JSON, and (n,) samples


def main() -> None:
    """Answer requests until there are no more."""
    requests, answers = _private_streams()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    blocks = AttachedBlocks()
    bound = 0  # bytes of address space
    for request, memory in _requests(requests, blocks):
        size = blocks.size if memory is None else blocks.size + memory.nbytes
        bound = _limit(request, size, bound)
        result, samples = _answer(request, memory)
        if hasattr(signal, "alarm"):
            signal.alarm(0)
        text = json.dumps({"number": request["number"], **result}).encode()
        for message in (LENGTH.pack(len(text)) + text, samples.view(np.uint8).data):
            remainder = memoryview(message)
            while remainder:
                remainder = remainder[answers.write(remainder) :]


def _private_streams() -> tuple[Any, Any]:
    """Return standard input and output, and point the usual handles to nothing.

    So a library that reads from or writes to them cannot disturb the protocol.

    Returns:
        a socket, or a file if the parent cannot share memory; and a file
    """
    requests: Any
    if stat.S_ISSOCK(os.fstat(0).st_mode):
        requests = socket.socket(fileno=os.dup(0))
    else:
        requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb", 0)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)
    return requests, answers


def _requests(
    requests: Any, blocks: AttachedBlocks
) -> Iterator[tuple[Request, np.ndarray | None]]:
    """Yield each request with the shared memory of its message, if there is any."""
    while True:
        descriptors: list[int] = []
        if isinstance(requests, socket.socket):
            head, descriptors, _, _ = socket.recv_fds(
                requests, LENGTH.size, 1, socket.MSG_WAITALL
            )
        else:
            head = requests.read(LENGTH.size)
        if len(head) < LENGTH.size:
            return
        (size,) = LENGTH.unpack(head)
        if isinstance(requests, socket.socket):
            text = requests.recv(size, socket.MSG_WAITALL)
        else:
            text = requests.read(size)
        memory = None
        with suppress(OSError, MemoryError):  # Then samples go through the pipe.
            memory = blocks.attach(descriptors[0]) if descriptors else None
        for request in json.loads(text):
            yield request, memory


def _limit(request: Request, shared: int, bound: int) -> int:
    """Limit the time and the memory of one request, if the system supports it.

    Usually the parent ends this process in time. The alarm does so if the parent was
    killed.

    Args:
        request: with the time and the number of samples
        shared: bytes that are shared with the parent
        bound: bytes of address space that are permitted now

    Returns:
        bytes of address space that are permitted from now on
    """
    if hasattr(signal, "alarm"):
        signal.alarm(min(2**31 - 1, math.ceil(request["seconds"]) + GRACE))
    samples = request.get("longest", 0.0) * decoding.SAMPLE_RATE
    with suppress(OverflowError, ValueError):
        wanted = int(MEMORY + PER_SAMPLE * samples) + shared
        if wanted != bound:
            _limit_memory(wanted)
        return wanted
    return bound


def _limit_memory(bound: int) -> None:
    with suppress(ImportError, OSError, ValueError, OverflowError):
        import resource

        _, highest = resource.getrlimit(resource.RLIMIT_AS)
        if highest != resource.RLIM_INFINITY:
            bound = min(bound, highest)
        resource.setrlimit(resource.RLIMIT_AS, (bound, highest))


def _answer(request: Request, memory: np.ndarray | None) -> Answer:
    """Return the answer to a request: values for JSON, and samples that follow it."""
    try:
        return TASKS[request["task"]](request, memory)
    except decoding.Unusable as error:
        reason = str(error)
    except MemoryError:
        reason = "takes more memory than its length explains; convert it again"
    except Exception as error:
        reason = f"cannot be decoded: {type(error).__name__}: {error}"
    return {"unusable": reason}, NOTHING


def _start(request: Request, memory: np.ndarray | None) -> Answer:
    """Import the libraries, so that a missing one is not reported as a file's error."""
    try:
        import soundfile  # noqa: F401
        import soxr  # noqa: F401
    except (ImportError, OSError) as error:
        return {"unusable": str(error)}, NOTHING
    return {}, NOTHING


def _probe(request: Request, memory: np.ndarray | None) -> Answer:
    header = decoding.probe(Path(request["path"]))
    return vars(header), NOTHING


def _load(request: Request, memory: np.ndarray | None) -> Answer:
    """Decode a span, and do all that is done with its samples before they are encoded.

    They are written into the shared memory, unless they are more than there is room
    for.
    """
    first, room = request["room"]

    def place(count: int) -> np.ndarray:
        if memory is None or count > room:
            return np.empty(count, np.float32)
        return memory[first : first + count]

    decoded = decoding.decode(
        Path(request["path"]),
        request["span"] and tuple(request["span"]),
        longest=request["longest"],
        channel=request["channel"],
        place=place,
        has_digest=request["digest"],
    )
    samples = decoded.samples
    description = {
        "samples": len(samples),
        "rate": decoded.rate,
        "channels": decoded.channels,
        "repairs": list(decoded.repairs),
        "silent": decoded.is_silent,
        "digest": decoded.digest,
        "shared": memory is not None and len(samples) <= room,
    }
    if request["standardised"]:
        standardise(samples, out=samples)
    if description["shared"]:
        return description, NOTHING
    return description, np.ascontiguousarray(samples, SAMPLE)


TASKS: dict[str, Callable[[Request, np.ndarray | None], Answer]] = {
    "start": _start,
    "probe": _probe,
    "load": _load,
}
