"""Which parts of a cache are still to be made, one process at a time for each."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from typing import Self

from data import parts, repair, store
from data.errors import AffuseError
from data.files import claim
from data.recipe import Recipe
from extract.sources import Source

Plan = Mapping[int, Sequence[Source]]  # what is in each part
PAUSE = 0.1  # seconds between looks at a part that another process is making
# Of a part. Inputs that failed are tried again: with other options or another decoder
# they may succeed.
WHOLE, PARTLY, MISSING = "whole", "partly", "missing"

log = logging.getLogger(__name__)


def tidy(folder: Path, count: int) -> None:
    """Remove parts beyond those planned, and what killed processes half wrote."""
    for path in (*store.extra(folder, count), *repair.abandoned(folder)):
        path.unlink(missing_ok=True)


def state(
    folder: Path, recipe: Recipe, number: int, sources: Sequence[Source], count: int
) -> str:
    """WHOLE, or PARTLY if some inputs failed, or MISSING; damage is said.

    Args:
        sources: what is to be in the part
        count: of all parts of the cache
    """
    path = parts.part_path(folder, number)
    if not path.is_file():
        return MISSING
    try:
        arrays, problems = parts.read(path, recipe)
        planned = parts.header(path).parts
    except AffuseError as error:
        log.warning("%s; extracting this part anew", error)
        return MISSING
    held = {i.decode() for i in arrays["ids"]}
    failed = {p.id for p in problems if p.fatal}
    wanted = {s.utterance.id for s in sources}
    if planned == count and held | failed == wanted:
        return PARTLY if failed else WHOLE
    log.warning("%s was planned otherwise; extracting this part anew", path)
    return MISSING


class Claims:
    """Parts that are ours while they are looked at and made.

    Those that another process is making are waited for at the end, and made here if
    that process died.
    """

    def __init__(self, folder: Path, recipe: Recipe, plan: Plan, parts: int):
        self._folder, self._recipe = folder, recipe
        self._plan, self._parts = plan, parts
        self._held: dict[int, ExitStack] = {}
        self._stopped = Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        for number in tuple(self._held):
            self.release(number)

    def each(self) -> Iterator[tuple[int, str]]:
        """The number of each part, and its `state`; hold it until `release`."""
        waiting = list(self._plan)
        for wait in (False, True):
            for number in tuple(waiting):
                if self._take(number, wait=wait):
                    waiting.remove(number)
                    sources = self._plan[number]
                    found = state(
                        self._folder, self._recipe, number, sources, self._parts
                    )
                    yield number, found

    def stop(self) -> None:
        """Wait for no other process any more."""
        self._stopped.set()

    def release(self, number: int) -> None:
        """Let go of a part, which is made or given up."""
        self._held.pop(number).close()

    def _take(self, number: int, *, wait: bool) -> bool:
        while not self._stopped.is_set():
            held = ExitStack()
            lock = self._folder / f".part-{number:05d}.lock"
            if held.enter_context(claim(lock, wait=False)):
                self._held[number] = held
                return True
            held.close()
            if not wait:
                break
            self._stopped.wait(PAUSE)
        return False
