"""Names with which ``--audio``, ``--text`` and ``--embeddings`` select a cache."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath

from affuse.data.cache import current_content, fold_encoders, provenance
from affuse.data.cache.recipe import OMITTED, Recipe
from affuse.data.cache.store import Cache
from affuse.data.errors import OptionError
from affuse.data.modality import modality_names
from affuse.data.options.extraction_options import GOLD
from affuse.data.options.shared_options import cache_option
from affuse.data.suggestions import hint

PREFIX = re.compile(r"[0-9a-f]{1,12}")


def digest(cache: Cache) -> str:
    """Return the digest of a cache's recipe, taken from the name of its folder."""
    return cache.path.name.rpartition("-")[2]


def find_matches(caches: Sequence[Cache], name: str) -> list[Cache]:
    """Return the caches that a name selects.

    A full digest or the name of a folder selects that cache only. Otherwise, a name of
    a checkpoint takes precedence over the beginning of a digest. It does not select
    superseded caches.

    Args:
        caches: of one modality
        name: digest or its beginning, name of a cache folder, or a checkpoint: its name
            on the hub, the last component of that, its folder or the folder's name; or
            the transcripts of a text cache: "gold", or a label with or without digits
    """
    if exact := [c for c in caches if name in (digest(c), c.path.name)]:
        return exact
    superseded = current_content.find_superseded(caches)
    if of_checkpoint := [
        c for c in caches if c.path not in superseded and _is_of(c, name)
    ]:
        return of_checkpoint
    beginning = name.rpartition("-")[2] if _is_folder(name) else name
    if not PREFIX.fullmatch(beginning):
        return []
    return [c for c in caches if digest(c).startswith(beginning)]


def names(cache: Cache) -> tuple[str, ...]:
    """Return the names of a cache's checkpoint and transcripts.

    The most specific name of the checkpoint is first.
    """
    first, checkpoint, *rest = _recorded_names(cache.recipe)
    typed = provenance.checkpoint(cache.path, cache.recipe.modality)
    candidates = (first, checkpoint, typed, *rest)
    return tuple(dict.fromkeys(name for name in candidates if name))


def _recorded_names(r: Recipe) -> tuple[str, ...]:
    """Return the names of a recipe's checkpoint and transcripts; some may be ""."""
    texts = (r.transcripts, r.transcripts.rpartition("-")[0])
    if r.modality == "text" and not r.transcripts:
        texts = (GOLD, "")
    return fold_encoders.name(r), r.checkpoint, PurePath(r.checkpoint).name, *texts


def is_encoder_name(recipe: Recipe, name: str) -> bool:
    """Return True if a name is one of those with which options select a cache.

    The cache of the recipe is not read. So a folder is compared by its name alone.

    Args:
        recipe: of the cache
        name: as for `find_matches`, but not the name of a cache folder
    """
    if name in _recorded_names(recipe):
        return bool(name)
    is_digest = PREFIX.fullmatch(name) and recipe.digest().startswith(name)
    return bool(is_digest) or (_is_path(name) and _is_in(recipe, _absolute(name)))


def column_order(chosen: Sequence[tuple[str, Cache]], modality: str) -> list[int]:
    """Return the numbers of caches in the order in which their columns are joined.

    Args:
        chosen: name and cache of each encoder
        modality: of the caches

    Raises:
        OptionError: if two names select the same cache
    """
    names: dict[Path, str] = {}
    for name, cache in chosen:
        if cache.path in names:
            first, second = (
                cache_option(modality, n) for n in (names[cache.path], name)
            )
            raise OptionError(
                f"{first} and {second} name the same cache, "
                f"{digest(cache)}; leave one out"
            )
        names[cache.path] = name
    return sorted(range(len(chosen)), key=lambda number: _order(chosen[number][1]))


def _order(cache: Cache) -> tuple[str, str, str]:
    """Return the key that orders the caches of one modality."""
    r = cache.recipe
    return r.checkpoint, r.encoder, cache.path.name


def describe_choices(caches: Sequence[Cache], name: str) -> str:
    """Return the number of caches and their checkpoints, for an error message.

    Args:
        caches: of one modality
        name: that selects none of them
    """
    checkpoints = sorted({names(cache)[0] for cache in caches})
    choices = [each for cache in caches for each in names(cache)]
    if not checkpoints:
        return f"there are {len(caches)}"
    return f"there are {len(caches)}, of {', '.join(checkpoints)}{hint(name, choices)}"


def list_distinctions(caches: Sequence[Cache]) -> Iterator[tuple[Cache, str]]:
    """Yield each cache with the facts that distinguish it from similar caches.

    Such facts are the checkpoint's head, options of the encoder, its weights, and the
    content of the corpus. They are given only if `cache_listing.describe` returns
    the same description for another cache.

    Args:
        caches: of one modality
    """
    for cache in caches:
        facts, others = _facts(cache), [_facts(c) for c in caches if _alike(c, cache)]
        yield (
            cache,
            "".join(
                f", {name} {value}"
                for name, value in facts.items()
                if any(each.get(name) != value for each in others)
            ),
        )


def _alike(one: Cache, other: Cache) -> bool:
    """Return True if `cache_listing.describe` does not distinguish two caches."""
    a, b = one.recipe, other.recipe
    fields = ("modality", "revision", "layers", "pooling", "dtype", *OMITTED)
    same = all(getattr(a, name) == getattr(b, name) for name in fields)
    return same and fold_encoders.name(a) == fold_encoders.name(b)


def _facts(cache: Cache) -> dict[str, str]:
    """Return the facts of a cache that `cache_listing.describe` does not state."""
    r = cache.recipe
    content = {"content": r.content[:8], "weights": r.weights[:8]}
    inputs = {name: str(value) for name, value in r.inputs.items()}
    return {"head": "yes" if r.head else "no", **inputs, **content}


def _is_folder(name: str) -> bool:
    """Return True if a name has the form of a cache folder's name or its beginning."""
    return name.startswith(tuple(f"{modality}-" for modality in modality_names()))


def _is_of(cache: Cache, name: str) -> bool:
    """Return True if a cache was encoded with the checkpoint of this name or folder."""
    return name in names(cache) or _is_at(cache, name)


def _is_at(cache: Cache, name: str) -> bool:
    """Return True if a cache was encoded with the checkpoint in this folder.

    Without provenance of the cache, the name of the folder is compared. For an encoder
    that was fine-tuned for a fold, the names of run and fold are compared too.
    """
    if not _is_path(name):
        return False
    folder = _absolute(name)
    if typed := provenance.checkpoint(cache.path, cache.recipe.modality):
        return bool(str(folder) == typed)
    return _is_in(cache.recipe, folder)


def _is_path(name: str) -> bool:
    """Return True if a name may be that of a folder."""
    return name.startswith((".", "~")) or os.sep in name


def _absolute(name: str) -> Path:
    """Return the absolute path of a folder."""
    return Path(os.path.abspath(os.path.expanduser(name)))


def _is_in(recipe: Recipe, folder: Path) -> bool:
    """Return True if a folder exists and has the name of a recipe's checkpoint."""
    parts = PurePath(fold_encoders.name(recipe)).parts
    return folder.is_dir() and bool(folder.parts[-len(parts) :] == parts)
