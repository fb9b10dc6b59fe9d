"""Names by which ``--audio``, ``--text`` and ``--embeddings`` select a cache."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath

from affuse.data.cache import current_content, fold_encoders, provenance
from affuse.data.cache.store import Cache
from affuse.data.modality import modality_names
from affuse.data.suggestions import hint

PREFIX = re.compile(r"[0-9a-f]{1,12}")


def digest(cache: Cache) -> str:
    """Return the digest of a cache's recipe, as its folder has it."""
    return cache.path.name.rpartition("-")[2]


def matching(caches: Sequence[Cache], name: str) -> list[Cache]:
    """Return the caches that a name selects.

    A whole digest or folder name selects one cache, and nothing else is then meant. A
    checkpoint comes before the beginning of a digest. It does not select caches in
    whose place another one counts.

    Args:
        caches: of one modality
        name: a digest or its beginning, the name of a cache folder, or a checkpoint:
            hub name, its last component, folder, or the name of that folder
    """
    if whole := [c for c in caches if name in (digest(c), c.path.name)]:
        return whole
    losers = current_content.superseded(caches)
    if found := [c for c in caches if c.path not in losers and _is_of(c, name)]:
        return found
    beginning = name.rpartition("-")[2] if _is_folder(name) else name
    if not PREFIX.fullmatch(beginning):
        return []
    return [c for c in caches if digest(c).startswith(beginning)]


def names(cache: Cache) -> tuple[str, ...]:
    """Return the names of a cache's checkpoint, the most telling one first."""
    r = cache.recipe
    typed = provenance.checkpoint(cache.path, r.modality)
    known = (fold_encoders.name(r), r.checkpoint, typed, PurePath(r.checkpoint).name)
    return tuple(dict.fromkeys(name for name in known if name))


def unknown(caches: Sequence[Cache], name: str) -> str:
    """Return which checkpoints there are, in the place of one that no cache has."""
    there = sorted({names(cache)[0] for cache in caches})
    known = [each for cache in caches for each in names(cache)]
    if not there:
        return f"there are {len(caches)}"
    return f"there are {len(caches)}, of {', '.join(there)}{hint(name, known)}"


def apart(caches: Sequence[Cache]) -> Iterator[tuple[Cache, str]]:
    """Yield each cache with what `cache_selection.describe` does not say of it.

    It is said only where another cache is described by the same words: the checkpoint's
    head, options of the encoder, its weights, and the content of the corpus.
    """
    for cache in caches:
        own, others = _facts(cache), [_facts(c) for c in caches if _alike(c, cache)]
        yield (
            cache,
            "".join(
                f", {name} {value}"
                for name, value in own.items()
                if any(each.get(name) != value for each in others)
            ),
        )


def _alike(one: Cache, other: Cache) -> bool:
    """Return True if two caches are described by the same words."""
    a, b = one.recipe, other.recipe
    fields = ("modality", "revision", "layers", "pooling", "dtype", "code")
    same = all(getattr(a, name) == getattr(b, name) for name in fields)
    return same and fold_encoders.name(a) == fold_encoders.name(b)


def _facts(cache: Cache) -> dict[str, str]:
    """Return facts on a cache that are not in every description, in words."""
    r = cache.recipe
    content = {"content": r.content[:8], "weights": r.weights[:8]}
    inputs = {name: str(value) for name, value in r.inputs.items()}
    return {"head": "yes" if r.head else "no", **inputs, **content}


def _is_folder(name: str) -> bool:
    """Return True if a name has the form of a cache folder's, or of its beginning."""
    return name.startswith(tuple(f"{modality}-" for modality in modality_names()))


def _is_of(cache: Cache, name: str) -> bool:
    """Return True if a cache was encoded with the checkpoint of this name."""
    return name in names(cache) or _is_at(cache, name)


def _is_at(cache: Cache, name: str) -> bool:
    """Return True if a cache was encoded with the checkpoint in this folder.

    Where no provenance says which folder it was, the folder's own name decides, with
    run and fold in front for an encoder that was fine-tuned for a fold.
    """
    if not name.startswith((".", "~")) and os.sep not in name:
        return False
    there = Path(os.path.abspath(os.path.expanduser(name)))
    r = cache.recipe
    if typed := provenance.checkpoint(cache.path, r.modality):
        return bool(str(there) == typed)
    own = PurePath(fold_encoders.name(r)).parts
    return there.is_dir() and bool(there.parts[-len(own) :] == own)
