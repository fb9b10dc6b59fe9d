"""Which parts of a cache are still to be made, one process at a time for each."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from data import parts, repair, store
from data.files import claim
from data.recipe import Recipe
from extract.sources import Source

# Of a part. Inputs that failed are tried again: with other options or another decoder
# they may succeed.
WHOLE, PARTLY, MISSING = "whole", "partly", "missing"

log = logging.getLogger(__name__)


def tidy(folder: Path, count: int) -> None:
    """Remove parts beyond those planned, and what killed processes half wrote."""
    for path in (*store.extra(folder, count), *repair.abandoned(folder)):
        path.unlink(missing_ok=True)


def claimed(
    folder: Path, recipe: Recipe, plan: Sequence[Sequence[Source]]
) -> Iterator[tuple[int, str]]:
    """The number of each part, ours while it is looked at, and its `_state`.

    Parts that another process is making are waited for at the end, and made here if
    that process died.
    """
    waiting = list(range(len(plan)))
    for wait in (False, True):
        for number in tuple(waiting):
            with claim(folder / f".part-{number:05d}.lock", wait=wait) as mine:
                if not mine:
                    continue
                waiting.remove(number)
                yield number, _state(folder, number, recipe, plan)


def _state(
    folder: Path, number: int, recipe: Recipe, plan: Sequence[Sequence[Source]]
) -> str:
    """WHOLE, or PARTLY if some inputs failed, or MISSING; damage is said."""
    path = parts.part_path(folder, number)
    if not path.is_file():
        return MISSING
    try:
        arrays, problems = parts.read(path, recipe)
        planned = parts.header(path).parts
    except ValueError as error:
        log.warning("%s; extracting this part anew", error)
        return MISSING
    held = {i.decode() for i in arrays["ids"]}
    failed = {p.id for p in problems if p.fatal}
    if planned == len(plan) and held | failed == {s.utterance.id for s in plan[number]}:
        return PARTLY if failed else WHOLE
    log.warning("%s was planned otherwise; extracting this part anew", path)
    return MISSING
