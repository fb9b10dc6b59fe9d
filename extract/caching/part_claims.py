"""Claims on the missing parts of a cache, so that one process builds each part.

The parts themselves are built in `part_building`.
"""

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

Plan = Mapping[int, Sequence[InputSource]]  # inputs of each part, by its number
PAUSE = 0.1  # seconds between attempts to claim a part of another process
# States of a part. Inputs that failed are tried again, because they may succeed with
# other options or another decoder.
COMPLETE, INCOMPLETE, MISSING = "whole", "partly", "missing"
FORBIDDEN = {errno.EROFS, errno.EACCES, errno.EPERM}  # errors of read-only folders

log = logging.getLogger(__name__)


def tidy(folder: Path, count: int) -> None:
    """Remove surplus parts, and files that killed processes left behind.

    Incomplete files and unused locks are harmless, so they stay in a read-only folder.

    Args:
        folder: of the cache
        count: number of parts of the complete cache

    Raises:
        OSError: if a surplus part cannot be removed
    """
    for path in store.surplus_files(folder, count):
        path.unlink(missing_ok=True)
    for path in part_removal.abandoned_files(folder):
        with _ignore_read_only_folders():
            path.unlink(missing_ok=True)
    for path in CacheFolder(folder).locks():
        with _ignore_read_only_folders(), claim(path, wait=False):
            pass  # The end of a claim removes its lock.


@contextmanager
def _ignore_read_only_folders() -> Iterator[None]:
    """Ignore errors of read-only folders."""
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
    """Return COMPLETE, or INCOMPLETE if some inputs failed, or MISSING; log damage.

    Args:
        folder: of the cache
        recipe: of the cache
        number: of the part
        sources: planned inputs of the part
        count: number of parts of the complete cache
        level: of log messages; a part that is not claimed may look damaged while
            another process publishes it

    Raises:
        AffuseError: if the part belongs to another recipe; it may be useful elsewhere
        MemoryShortageError, OSError: if the part cannot be read now, though it may be
            undamaged
    """
    path = parts.part_path(folder, number)
    if not path.is_file():
        return MISSING
    try:
        head, arrays = parts.parse(path, checksums.check(path))
    except DamagedFileError as error:
        log.log(level, "%s; extracting this part again", error)
        return MISSING
    if difference := head.recipe.difference(recipe):
        raise AffuseError(
            f"{path} was extracted with {difference} as its folder says; move it away, "
            f"then repeat the command"
        )
    encoded = {i.decode() for i in arrays["ids"]}
    failed = {p.id for p in head.problems if p.fatal}
    planned = {s.utterance.id for s in sources}
    if head.parts == count and encoded | failed == planned:
        return INCOMPLETE if failed else COMPLETE
    log.log(level, "%s belongs to another plan; extracting this part again", path)
    return MISSING


class Claims:
    """Claims of this process on parts, from their examination until they are built.

    Parts that another process is building come last. The iteration waits for them. If
    that process dies, this process claims them. A complete part is not claimed, so
    nothing is written for it, not even a lock.
    """

    def __init__(
        self,
        folder: Path,
        recipe: Recipe,
        plan: Plan,
        parts: int,
        is_settled: Callable[[int], bool],
    ):
        """Prepare to claim parts.

        Args:
            folder: of the cache
            recipe: of the cache
            plan: inputs of the parts to build, by number of the part
            parts: number of parts of the complete cache
            is_settled: returns True for an INCOMPLETE part if no input can be added
        """
        self._folder, self._recipe = folder, recipe
        self._plan, self._parts = plan, parts
        self._is_settled = is_settled
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

        A part that is INCOMPLETE or MISSING is claimed until `release`.
        """
        waiting = []
        for number in self._plan:
            mark = _mark(self._folder, number)
            state = self._state(number, level=logging.DEBUG)
            if state == COMPLETE:
                yield number, COMPLETE
            elif self._take(number, state, wait=False):
                # Another process may have built the part before the claim.
                if state == MISSING or _mark(self._folder, number) != mark:
                    state = self._state(number)
                yield number, state
            else:
                waiting.append(number)
        for number in waiting:
            if self._take(number, MISSING, wait=True):
                yield number, self._state(number)

    def stop(self) -> None:
        """Stop waiting for other processes."""
        self._stopped.set()

    def release(self, number: int) -> None:
        """Release the claim on a part.

        Args:
            number: of a part that is complete, or that is not built
        """
        if number in self._held:
            self._held.pop(number).close()

    def _state(self, number: int, *, level: int = logging.WARNING) -> str:
        """Return the `state` of a part; COMPLETE too if no input can be added to it."""
        part_state = state(
            self._folder,
            self._recipe,
            number,
            self._plan[number],
            self._parts,
            level=level,
        )
        is_settled = part_state == INCOMPLETE and self._is_settled(number)
        return COMPLETE if is_settled else part_state

    def _take(self, number: int, state: str, *, wait: bool) -> bool:
        """Claim a part; return False if another process holds the claim."""
        while not self._stopped.is_set():
            stack = ExitStack()
            lock = part_lock(parts.part_path(self._folder, number))
            try:
                is_free = stack.enter_context(claim(lock, wait=False))
            except OSError as error:
                # If the failed inputs fail again, nothing has to be written.
                if state != INCOMPLETE or error.errno not in FORBIDDEN:
                    raise
                return True
            if is_free:
                self._held[number] = stack
                return True
            stack.close()
            if not wait:
                break
            self._stopped.wait(PAUSE)
        return False


def _mark(folder: Path, number: int) -> tuple[tuple[int, int, int] | None, ...]:
    """Return inode, size and time of a part and of its checksum file.

    One of them changes when another process publishes the part again.
    """
    path = parts.part_path(folder, number)
    marks: list[tuple[int, int, int] | None] = []
    for file in (path, checksums.checksum_path(path)):
        try:
            status = file.stat()
        except FileNotFoundError:
            marks.append(None)
        else:
            marks.append((status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(marks)
