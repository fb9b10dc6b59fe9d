"""The decoding process of a `decoder_pool`: it may hang, crash or be killed.

A request is a line of JSON on standard input. An answer is the length of a JSON text in
four bytes, the text, and the samples that it announces as float32. Nothing is pickled:
whoever reads the answer of a process that has met a malicious file runs no code of it.
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
GRACE = 5  # seconds that whoever asked has for ending this process itself
MEMORY = 2**31  # bytes of address space, before any samples
PER_SAMPLE = 8  # bytes: what is sent, and as much to spare


def main() -> None:
    """Answer requests until there are no more."""
    requests, answers = _private_streams()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever asks
    for line in requests:
        request = json.loads(line)
        _limit(request)
        found, samples = _answer(request)
        text = json.dumps({"number": request["number"], **found}).encode()
        for part in (LENGTH.pack(len(text)) + text, samples.view(np.uint8).data):
            left = memoryview(part)
            while left:
                left = left[answers.write(left) :]
        if hasattr(signal, "alarm"):
            signal.alarm(0)


def _private_streams() -> tuple[IO[bytes], IO[bytes]]:
    """Standard input and output, where no library reads or writes by mistake."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb", 0)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)
    return requests, answers


def _limit(request: Mapping[str, Any]) -> None:
    """Bound the time and the memory of one request, where the system can do it.

    Whoever asks ends this process in time; the alarm is for when they were killed.
    """
    if hasattr(signal, "alarm"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # ends us, whatever we are in
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
    """What is sent, as JSON and as samples."""
    try:
        return TASKS[request["task"]](request)
    except decoding.Unusable as error:
        reason = str(error)
    except MemoryError:
        reason = "takes more memory than its length explains; convert it once more"
    except Exception as error:
        reason = f"cannot be decoded: {type(error).__name__}: {error}"
    return {"unusable": reason}, NOTHING


def _start(request: Mapping[str, Any]) -> tuple[dict[str, Any], np.ndarray]:
    """Import what is needed, so that what is missing is no fault of a file."""
    try:
        import soundfile  # noqa: F401
        import soxr  # noqa: F401
    except (ImportError, OSError) as error:
        return {"unusable": str(error)}, NOTHING
    return {}, NOTHING


def _probe(request: Mapping[str, Any]) -> tuple[dict[str, Any], np.ndarray]:
    found = decoding.probe(Path(request["path"]))
    return asdict(found), NOTHING


def _load(request: Mapping[str, Any]) -> tuple[dict[str, Any], np.ndarray]:
    span = request["span"] and tuple(request["span"])
    found = decoding.decode(Path(request["path"]), span, longest=request["longest"])
    samples = np.ascontiguousarray(found.samples, SAMPLE)
    about = {"samples": len(samples), "rate": found.rate, "channels": found.channels}
    return {**about, "repairs": list(found.repairs)}, samples


Task = Callable[[Mapping[str, Any]], tuple[dict[str, Any], np.ndarray]]
TASKS: dict[str, Task] = {"start": _start, "probe": _probe, "load": _load}
