"""Decoder processes that hang, crash or answer wrongly, for certain file names."""

# The decoding process. A file "hang probe.wav" makes the function `probe` hang.
MAIN = """
import contextlib, json, os, signal, sys, time
sys.path[:] = sys.argv[1:]
import numpy as np
from affuse.extract.audio import decoding as audio, decoder_main as decoding

class Accidents:
    def hang(path):
        path.with_suffix(".met").touch()
        while True:
            time.sleep(60)

    def die(path):
        os.kill(os.getpid(), signal.SIGKILL)

    def end(path):
        os._exit(0)

    def fail(path):
        raise RuntimeError("no such luck")

    def allocate(path):
        return np.empty(3 * 2**30, np.uint8)

    def spill(path):
        answers.write(b"garbage" * 100)

    def forge(path, **changes):
        found = {"number": 2, "digest": "d", "seconds": 1.0, "rate": 16000, **changes}
        text = json.dumps({"channels": 1, **found}).encode()
        answers.write(decoding.LENGTH.pack(len(text)) + text)
        time.sleep(60)

    def misnumber(path):
        Accidents.forge(path, number=1)

    def promise(path):
        Accidents.forge(path, samples=10**15)

    def speed(path):
        Accidents.forge(path, samples=0, rate=10**9)

    def list(path):
        answers.write(decoding.LENGTH.pack(2) + b"[]")

    def poison(path):
        Accidents.poisoned = True

    def oversize(path):
        Accidents.forge(path, samples=10**6, shared=True, digest="", silent=False)

    def shrink(path):
        for name in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):
                os.ftruncate(int(name), 0)
        for maps in open("/proc/self/maps"):
            address, *_, file = maps.split(maxsplit=5)[:1] + [maps]
            if "memfd:samples" in file:
                with open(f"/proc/self/map_files/{address}", "r+b") as memory:
                    memory.truncate(0)

    def say(path):
        print("hello", flush=True)
        os.write(1, b"from a library")

def meeting(task, real):
    def meet(path, *more, **options):
        if getattr(Accidents, "poisoned", False):
            Accidents.die(path)
        accident, _, when = path.stem.partition(" ")
        if when == task:
            getattr(Accidents, accident)(path)
        return real(path, *more, **options)
    return meet

def streams(real=decoding._private_streams):
    global answers
    found, answers = real()
    return found, answers

if held := os.environ.get("HELD"):
    import fcntl
    file = open(held, "w")
    fcntl.flock(file, fcntl.LOCK_EX)
decoding._private_streams = streams
decoding.GRACE = 1
audio.probe = meeting("probe", audio.probe)
audio.decode = meeting("load", audio.decode)
decoding.main()
"""
