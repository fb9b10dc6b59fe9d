"""Which of several caches counts, where they differ in the corpus's content only."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path

from affuse.data.cache.cache_folder import CorpusFolder
from affuse.data.cache.recipe import Recipe
from affuse.data.cache.store import Cache
from affuse.data.errors import DamagedFileError
from affuse.data.system.atomic_files import claim
from affuse.data.system.digests import keep
from affuse.data.system.documents import read_json
from affuse.data.system.schema import MapOf, Text

KIND = MapOf(Text(200), most=100_000, name=Text(200))

log = logging.getLogger(__name__)


def make(folder: Path, recipe: Recipe) -> None:
    """Note that of all caches that differ in content only, this one counts.

    Nothing is written, and no lock is taken, if that is noted already. A note that is
    damaged is made anew, and that is said.

    Raises:
        OSError: if the note cannot be read or written
    """
    if _known(folder.parent).get(recipe.kind()) == folder.name:
        return
    corpus = CorpusFolder(folder.parent)
    with claim(corpus.current_lock, wait=True):  # others note theirs
        now = {**_known(folder.parent), recipe.kind(): folder.name}
        keep(
            corpus.current, (json.dumps(now, indent=1, sort_keys=True) + "\n").encode()
        )


def _known(corpus: Path) -> dict[str, str]:
    """Return what is noted; nothing if that is damaged, which is said."""
    try:
        return noted(corpus)
    except DamagedFileError as error:
        log.warning("%s; it is written again", error)
        return {}


def noted(corpus: Path) -> dict[str, str]:
    """Kind of recipe to the name of the folder that counts; none if never noted.

    Raises:
        OSError: if it cannot be read; then it is not known that there is none
        DamagedFileError: if it is damaged
    """
    try:
        found = read_json(
            CorpusFolder(corpus).current, KIND, advice="repeat the extract command"
        )
        return dict(found)
    except FileNotFoundError:
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
