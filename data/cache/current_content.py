"""Choice of the current cache among those that differ in the corpus's content only."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path

from affuse.data.cache.cache_folder import CorpusFolder
from affuse.data.cache.recipe import Recipe
from affuse.data.cache.store import Cache
from affuse.data.errors import DamagedFileError
from affuse.data.system.atomic_files import claim
from affuse.data.system.digests import write_and_list
from affuse.data.system.documents import read_json
from affuse.data.system.schema import MapOf, Text

KIND = MapOf(Text(200), most=100_000, name=Text(200))

log = logging.getLogger(__name__)


def mark_current(folder: Path, recipe: Recipe) -> None:
    """Mark a cache as the current one among those that differ in content only.

    If that is already recorded, nothing is written and no lock is taken. A damaged
    record is written again, with a warning.

    Args:
        folder: of the cache
        recipe: of the cache

    Raises:
        OSError: if the record cannot be read or written
    """
    if _current_names(folder.parent).get(recipe.kind()) == folder.name:
        return
    corpus = CorpusFolder(folder.parent)
    with claim(corpus.current_lock, wait=True):  # other processes may write it too
        entries = {**_current_names(folder.parent), recipe.kind(): folder.name}
        text = json.dumps(entries, indent=1, sort_keys=True) + "\n"
        write_and_list(corpus.current, text.encode())


def _current_names(corpus: Path) -> dict[str, str]:
    """Return the recorded folders; {} with a warning if the record is damaged."""
    try:
        return read_current_folders(corpus)
    except DamagedFileError as error:
        log.warning("%s; it is written again", error)
        return {}


def read_current_folders(corpus: Path) -> dict[str, str]:
    """Return the name of the current cache folder for each kind of recipe.

    Args:
        corpus: folder of the corpus in the cache

    Returns:
        {`Recipe.kind`: name of a folder}; {} if none was recorded

    Raises:
        OSError: if the record exists but cannot be read
        DamagedFileError: if the record is damaged
    """
    try:
        names = read_json(
            CorpusFolder(corpus).current, KIND, advice="repeat the extract command"
        )
        return dict(names)
    except FileNotFoundError:
        return {}


def find_superseded(caches: Sequence[Cache]) -> set[Path]:
    """Return the cache folders that another cache supersedes.

    Two such caches differ in the corpus's content only, for example after a recording
    was repaired, or with ``--limit``. The cache that was extracted last is current. If
    that was not recorded, a later cache supersedes one with as many rows or fewer.

    Args:
        caches: of one corpus
    """
    return {old.path for old in caches for new in caches if _replaces(new, old)}


def _replaces(new: Cache, old: Cache) -> bool:
    """Return True if the cache `new` supersedes the cache `old`."""
    if new.path == old.path or not new.recipe.same_but_content(old.recipe):
        return False
    current = read_current_folders(old.path.parent).get(old.recipe.kind())
    if current in (new.path.name, old.path.name):
        return current == new.path.name
    later = new.path.stat().st_mtime_ns > old.path.stat().st_mtime_ns
    return later and new.rows >= old.rows
