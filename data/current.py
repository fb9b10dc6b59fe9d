"""Which of several caches counts, where they differ in the corpus's content only."""

import json
from collections.abc import Sequence
from pathlib import Path

from data.files import claim, refresh
from data.recipe import Recipe
from data.store import Cache

FILE = "current.json"  # beside the caches of a corpus


def make(folder: Path, recipe: Recipe) -> None:
    """Note that of all caches that differ in content only, this one counts.

    Nothing is written, and no lock is taken, if that is noted already.

    Raises:
        OSError: if the note cannot be read or written
    """
    if noted(folder.parent).get(recipe.kind()) == folder.name:
        return
    path = folder.parent / FILE
    with claim(path.with_name(f".{FILE}.lock"), wait=True):  # others note theirs
        now = {**noted(folder.parent), recipe.kind(): folder.name}
        refresh(path, (json.dumps(now, indent=1, sort_keys=True) + "\n").encode())


def noted(corpus: Path) -> dict[str, str]:
    """Kind of recipe to the name of the folder that counts; none if never noted.

    Raises:
        OSError: if it cannot be read; then it is not known that there is none
    """
    try:
        found = json.loads((corpus / FILE).read_text(encoding="utf-8"))
        return {str(kind): str(name) for kind, name in found.items()}
    except (FileNotFoundError, ValueError, AttributeError, RecursionError):
        return {}


def superseded(caches: Sequence[Cache]) -> set[Path]:
    """Folders in whose place another of the same recipe counts.

    They differ in the corpus's content only: a repaired recording, or ``--limit``. The
    one that was extracted last counts; where that was not noted, a later one that holds
    as many rows or more.
    """
    return {old.path for old in caches for new in caches if _replaces(new, old)}


def _replaces(new: Cache, old: Cache) -> bool:
    if new.path == old.path or not new.recipe.same_but_content(old.recipe):
        return False
    counts = noted(old.path.parent).get(old.recipe.kind())
    if counts in (new.path.name, old.path.name):
        return counts == new.path.name
    later = new.path.stat().st_mtime_ns > old.path.stat().st_mtime_ns
    return later and new.rows >= old.rows
