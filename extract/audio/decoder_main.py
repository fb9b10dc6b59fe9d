"""Main loop of a decoding process, which a `decoder_pool` starts and may kill.

A request is a line of JSON on standard input. An answer is the length of a JSON text in
four bytes, the text, and the samples that it announces as float32. Nothing is pickled,
because a malicious file may control this process: reading its answer runs no code.
"""

import json
import math
import os
import signal
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import numpy as np

from affuse.extract.audio import decoding

LENGTH = struct.Struct("<I")  # of the JSON of an answer
SAMPLE = np.dtype("<f4")
NOTHING = np.empty(0, SAMPLE)
GRACE = 5  # seconds after the deadline, in which the parent should end this process
MEMORY = 2**31  # bytes of address space, without samples
PER_SAMPLE = 8  # bytes of address space: twice the size of a sample


def main() -> None:
    """Answer requests until there are no more."""
    requests, answers = _private_streams()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    for line in requests:
        request = json.loads(line)
        _limit(request)
        result, samples = _answer(request)
        text = json.dumps({"number": request["number"], **result}).encode()
        for message in (LENGTH.pack(len(text)) + text, samples.view(np.uint8).data):
            remainder = memoryview(message)
            while remainder:
                remainder = remainder[answers.write(remainder) :]
        if hasattr(signal, "alarm"):
            signal.alarm(0)


def _private_streams() -> tuple[IO[bytes], IO[bytes]]:
    """Return standard input and output, and point the usual handles to nothing.

    So a library that reads from or writes to them cannot disturb the protocol.
    """
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb", 0)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)
    return requests, answers


def _limit(request: Mapping[str, Any]) -> None:
    """Limit the time and the memory of one request, if the system supports it.

    Usually the parent ends this process in time. The alarm does so if the parent was
    killed.
    """
    if hasattr(signal, "alarm"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # ends the process in any state
        signal.alarm(min(2**31 - 1, math.ceil(request["seconds"]) + GRACE))
    with suppress(ImportError, OSError, ValueError, OverflowError):
        import resource

        samples = request.get("longest", 0.0) * decoding.SAMPLE_RATE
        _, highest = resource.getrlimit(resource.RLIMIT_AS)
        bound = int(MEMORY + PER_SAMPLE * samples)
        if highest != resource.RLIM_INFINITY:
            bound = min(bound, highest)
        resource.setrlimit(resource.RLIMIT_AS, (bound, highest))


def _answer(request: Mapping[str, Any]) -> tuple[dict[str, Any], np.ndarray]:
    """Return the answer to a request: values for JSON, and (n,) samples."""
    try:
        return TASKS[request["task"]](request)
    except decoding.Unusable as error:
        reason = str(error)
    except MemoryError:
        reason = "takes more memory than its length explains; convert it again"
    except Exception as error:
        reason = f"cannot be decoded: {type(error).__name__}: {error}"
    return {"unusable": reason}, NOTHING


def _start(request: Mapping[str, Any]) -> tuple[dict[str, Any], np.ndarray]:
    """Import the libraries, so that a missing one is not reported as a file's error."""
    try:
        import soundfile  # noqa: F401
        import soxr  # noqa: F401
    except (ImportError, OSError) as error:
        return {"unusable": str(error)}, NOTHING
    return {}, NOTHING


def _probe(request: Mapping[str, Any]) -> tuple[dict[str, Any], np.ndarray]:
    header = decoding.probe(Path(request["path"]))
    return asdict(header), NOTHING


def _load(request: Mapping[str, Any]) -> tuple[dict[str, Any], np.ndarray]:
    span = request["span"] and tuple(request["span"])
    path, longest, channel = (request[n] for n in ("path", "longest", "channel"))
    decoded = decoding.decode(Path(path), span, longest=longest, channel=channel)
    samples = np.ascontiguousarray(decoded.samples, SAMPLE)
    description = {
        "samples": len(samples),
        "rate": decoded.rate,
        "channels": decoded.channels,
    }
    return {**description, "repairs": list(decoded.repairs)}, samples


Task = Callable[[Mapping[str, Any]], tuple[dict[str, Any], np.ndarray]]
TASKS: dict[str, Task] = {"start": _start, "probe": _probe, "load": _load}
