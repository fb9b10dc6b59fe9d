"""Processes that extract one cache together: threads, locks and lock files."""

import threading
import time
from contextlib import contextmanager

from affuse.data.cache import store
from affuse.data.system.atomic_files import claim


@contextmanager
def hold_part(folder, part):
    """Lock one part, so that nobody writes it; give a function that waits."""

    def others(count):
        until = time.monotonic() + 120
        while len(store.part_numbers(folder)) < count - 1 and time.monotonic() < until:
            time.sleep(0.01)
        assert len(store.part_numbers(folder)) == count - 1

    with claim(folder / f".part-{part:05d}.lock", wait=False) as mine:
        assert mine
        yield others


class Background(threading.Thread):
    """Thread that calls a function and keeps its result or its error."""

    def __init__(self, call):
        super().__init__(daemon=True)
        self._call, self._error, self._value = call, None, None
        self.start()

    def run(self):
        try:
            self._value = self._call()
        except Exception as error:
            self._error = error

    def result(self):
        self.join(timeout=120)
        assert not self.is_alive()
        if self._error:
            raise self._error
        return self._value


def hidden_files(folder):
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]
