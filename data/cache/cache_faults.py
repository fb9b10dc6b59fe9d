"""Faults of cache folders: parts that are damaged, missing, surplus or unknown."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from affuse.data.cache.checksums import ChecksumError, checksum_path
from affuse.data.cache.parts import Header, check_part, part_path
from affuse.data.cache.store import part_numbers, surplus_files
from affuse.data.errors import DamagedFileError, MemoryShortageError

# Kinds of faults. Only DAMAGED and EXTRA files may be removed. An UNKNOWN part is as it
# was published, but by another version or for another folder. An UNREAD part may be
# intact: there was too little memory, or the system could not open it.
DAMAGED, MISSING, EXTRA = "damaged", "missing", "extra"
UNKNOWN, UNREAD = "unknown", "unread"
AGAIN = "repeat the extract command"


@dataclass(frozen=True)
class Fault:
    """Fault of one part or of a cache folder."""

    path: Path
    kind: str  # DAMAGED, MISSING, EXTRA, UNKNOWN or UNREAD
    reason: str  # in a sentence
    files: tuple[Path, ...] = ()  # that may be removed


def find_faults(folder: Path) -> Iterator[Fault]:
    """Yield the faults of a cache folder, after checking each byte of its parts."""
    heads: dict[int, Header] = {}
    for number in part_numbers(folder):
        path = part_path(folder, number)
        try:
            heads[number] = check_part(path)
        except ChecksumError as error:
            yield Fault(path, DAMAGED, str(error), (path, checksum_path(path)))
        except DamagedFileError as error:
            yield Fault(path, UNKNOWN, str(error))
        except (MemoryShortageError, OSError) as error:
            yield Fault(path, UNREAD, str(error))
    if not heads:
        return
    name, recipes = folder.name, [head.recipe for head in heads.values()]
    expected = next((r for r in recipes if r.folder() == name), recipes[0])
    if expected.folder() != name:
        reason = f"{folder} holds parts of {expected.folder()}; give it that name"
        yield Fault(folder, UNKNOWN, reason)
    for number, head in heads.items():
        if difference := head.recipe.difference(expected):
            path = part_path(folder, number)
            reason = f"{path} was extracted with {difference} as the others; remove it"
            yield Fault(path, UNKNOWN, reason)
    yield from _plan(folder, {h.parts for h in heads.values() if h.recipe == expected})


def _plan(folder: Path, plans: set[int]) -> Iterator[Fault]:
    """Yield the faults of parts that are missing or surplus, by the planned number."""
    present, planned = part_numbers(folder), max(plans)
    if len(plans) > 1:
        reason = f"parts in {folder} state different numbers of parts, {sorted(plans)}"
        yield Fault(folder, MISSING, f"{reason}; {AGAIN}")
    if more := [n for n in present if n >= planned]:
        reason = f"{folder} must have {planned} parts; delete the surplus parts {more}"
        yield Fault(folder, EXTRA, reason, tuple(surplus_files(folder, planned)))
    if missing := sorted(set(range(planned)) - set(present)):
        first = part_path(folder, missing[0]).name
        reason = f"{folder} lacks {len(missing)} of {planned} parts"
        yield Fault(folder, MISSING, f"{reason}, the first is {first}; {AGAIN}")
