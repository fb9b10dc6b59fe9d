"""Which parts of a cache are still to be made, one process at a time for each."""

import errno
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event
from typing import Self

from affuse.data.cache import checksums, part_removal, parts, store
from affuse.data.cache.cache_folder import CacheFolder, part_lock
from affuse.data.cache.recipe import Recipe
from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.system.atomic_files import claim
from affuse.extract.caching.encoder_inputs import InputSource

Plan = Mapping[int, Sequence[InputSource]]  # what is in each part
PAUSE = 0.1  # seconds between looks at a part that another process is making
# Of a part. Inputs that failed are tried again: with other options or another decoder
# they may succeed.
WHOLE, PARTLY, MISSING = "whole", "partly", "missing"
FORBIDDEN = {errno.EROFS, errno.EACCES, errno.EPERM}  # to write in a folder

log = logging.getLogger(__name__)


def tidy(folder: Path, count: int) -> None:
    """Remove parts beyond those planned, and what killed processes left behind.

    Files that were half written and locks that nobody holds do no harm, so they stay
    where nothing may be written.

    Args:
        count: of all parts of the cache

    Raises:
        OSError: if a part that is too many cannot be removed
    """
    for path in store.extra(folder, count):
        path.unlink(missing_ok=True)
    for path in part_removal.abandoned(folder):
        with _unless_forbidden():
            path.unlink(missing_ok=True)
    for path in CacheFolder(folder).locks():
        with _unless_forbidden(), claim(path, wait=False):
            pass  # whoever holds a lock removes it


@contextmanager
def _unless_forbidden() -> Iterator[None]:
    """Pass over an error that says that nothing may be written here."""
    try:
        yield
    except OSError as error:
        if error.errno not in FORBIDDEN:
            raise


def state(
    folder: Path,
    recipe: Recipe,
    number: int,
    sources: Sequence[InputSource],
    count: int,
    *,
    level: int = logging.WARNING,
) -> str:
    """Return WHOLE, or PARTLY if some inputs failed, or MISSING; log damage.

    Args:
        sources: what is to be in the part
        count: of all parts of the cache
        level: of what is logged; a part that is not claimed may look damaged while
            another process publishes it

    Raises:
        AffuseError: if the part is of another recipe; it may be of use elsewhere
        MemoryShortageError, OSError: if the part cannot be read now; it may be whole
    """
    path = parts.part_path(folder, number)
    if not path.is_file():
        return MISSING
    try:
        head, arrays = parts.parse(path, checksums.check(path))
    except DamagedFileError as error:
        log.log(level, "%s; extracting this part anew", error)
        return MISSING
    if difference := head.recipe.difference(recipe):
        raise AffuseError(
            f"{path} was extracted with {difference} as its folder says; move it away, "
            f"then repeat the command"
        )
    held = {i.decode() for i in arrays["ids"]}
    failed = {p.id for p in head.problems if p.fatal}
    wanted = {s.utterance.id for s in sources}
    if head.parts == count and held | failed == wanted:
        return PARTLY if failed else WHOLE
    log.log(level, "%s was planned otherwise; extracting this part anew", path)
    return MISSING


class Claims:
    """Parts that are ours while they are looked at and made.

    Those that another process is making are waited for at the end, and made here if
    that process died. A part to which nothing is to be done is not claimed, so nothing
    is written for it, not even a lock.
    """

    def __init__(
        self,
        folder: Path,
        recipe: Recipe,
        plan: Plan,
        parts: int,
        settled: Callable[[int], bool],
    ):
        """Prepare to claim parts.

        Args:
            parts: of the whole cache
            settled: tells of a part that is PARTLY there if no input can be added
        """
        self._folder, self._recipe = folder, recipe
        self._plan, self._parts = plan, parts
        self._settled = settled
        self._held: dict[int, ExitStack] = {}
        self._stopped = Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        for number in tuple(self._held):
            self.release(number)

    def each(self) -> Iterator[tuple[int, str]]:
        """Yield the number of each part, and its `state`.

        One that is PARTLY there or MISSING is held until `release`.
        """
        waiting = []
        for number in self._plan:
            mark = _mark(self._folder, number)
            found = self._state(number, level=logging.DEBUG)
            if found == WHOLE:
                yield number, WHOLE
            elif self._take(number, found, wait=False):
                # another process may have made it, or was just about to
                if found == MISSING or _mark(self._folder, number) != mark:
                    found = self._state(number)
                yield number, found
            else:
                waiting.append(number)
        for number in waiting:
            if self._take(number, MISSING, wait=True):
                yield number, self._state(number)

    def stop(self) -> None:
        """Wait for no other process any more."""
        self._stopped.set()

    def release(self, number: int) -> None:
        """Let go of a part, which is made, whole, or given up."""
        if number in self._held:
            self._held.pop(number).close()

    def _state(self, number: int, *, level: int = logging.WARNING) -> str:
        """Return the `state` of a part, WHOLE too if nothing can be added to it."""
        found = state(
            self._folder,
            self._recipe,
            number,
            self._plan[number],
            self._parts,
            level=level,
        )
        return WHOLE if found == PARTLY and self._settled(number) else found

    def _take(self, number: int, found: str, *, wait: bool) -> bool:
        """Hold a part; return False if another process does."""
        while not self._stopped.is_set():
            held = ExitStack()
            lock = part_lock(parts.part_path(self._folder, number))
            try:
                mine = held.enter_context(claim(lock, wait=False))
            except OSError as error:
                # Nothing needs to be written if what failed fails again.
                if found != PARTLY or error.errno not in FORBIDDEN:
                    raise
                return True
            if mine:
                self._held[number] = held
                return True
            held.close()
            if not wait:
                break
            self._stopped.wait(PAUSE)
        return False


def _mark(folder: Path, number: int) -> tuple[tuple[int, int, int] | None, ...]:
    """Return what changes when a part or its checksum is published again."""
    path = parts.part_path(folder, number)
    found: list[tuple[int, int, int] | None] = []
    for each in (path, checksums.checksum_path(path)):
        try:
            now = each.stat()
        except FileNotFoundError:
            found.append(None)
        else:
            found.append((now.st_ino, now.st_size, now.st_mtime_ns))
    return tuple(found)
