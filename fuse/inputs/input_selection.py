"""Which embeddings a command works on: those of all folds, or of each fold its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from affuse.data.cache import (
    cache_selection,
    corpus_table,
    fold_caches,
    store,
    streaming,
)
from affuse.data.cache.recipe import Recipe
from affuse.data.cache.store import Cache, Embeddings
from affuse.data.command_lines import RunInput
from affuse.data.records import Corpus
from affuse.fuse.inputs.extraction_commands import demand_alike
from affuse.fuse.inputs.fold_embeddings import ALL, Own


@dataclass(frozen=True)
class Sources:
    """A corpus, and caches of it."""

    corpus: Corpus
    caches: Mapping[str, Cache]  # by modality; of any fold, if each has its own
    embeddings: Mapping[str, Embeddings]  # their rows
    own: Own = field(default_factory=dict)  # of each fold, if each has its own


def find(found: Mapping[str, Any], modalities: Sequence[str]) -> Sources:
    """What the options choose, to train on.

    Args:
        found: options of the command line, by name; ``finetuned`` is a folder, or None
        modalities: those that are wanted
    """
    where = {"corpus": found["corpus"], "named": _named(found)}
    if not found["finetuned"]:
        only = cache_selection.choose(found["cache"], modalities=modalities, **where)
        return _load(found, {ALL: only}, shared=True)
    chosen = fold_caches.choose(
        found["finetuned"], found["cache"], modalities=modalities, **where
    )
    return _load(found, chosen, shared=False)


def alike(
    found: Mapping[str, Any],
    recipes: Mapping[str, Mapping[str, Recipe]],
    again: RunInput,
) -> Sources:
    """What was made as the embeddings that a run was trained on.

    Args:
        found: options of the command line, by name
        recipes: of the run, {fold: {modality: recipe}}
        again: the command that was typed, which an error repeats

    Raises:
        AffuseError: as `affuse.fuse.inputs.extraction_commands.demand_alike`, and if
            there is no choice of caches, or more than one
    """
    fold_caches.demand(found["cache"], found["corpus"], recipes)
    demand_alike(recipes, again)
    distinct = {_key(like): like for like in recipes.values()}
    chosen = {
        key: cache_selection.choose(
            found["cache"],
            corpus=found["corpus"],
            named=_named(found),
            modalities=tuple(like),
            like=like,
        )
        for key, like in distinct.items()
    }
    by_fold = {fold: chosen[_key(like)] for fold, like in recipes.items()}
    return _load(found, by_fold, shared=len(distinct) == 1)


def _named(found: Mapping[str, Any]) -> dict[str, str]:
    return {"audio": found["audio"], "text": found["text"]}


def _key(recipes: Mapping[str, Recipe]) -> tuple[str, ...]:
    """Equal for folds that share their embeddings."""
    return tuple(recipe.digest() for recipe in recipes.values())


def _load(
    found: Mapping[str, Any],
    chosen: Mapping[str, Mapping[str, Cache]],
    *,
    shared: bool,
) -> Sources:
    """Each cache once, whichever folds take it."""
    caches = next(iter(chosen.values()))
    once = {str(c.path): c for each in chosen.values() for c in each.values()}
    if "memory" in found:
        loaded = streaming.open_all(once, gib=found["memory"])
    else:  # predict and ablate gather again and again
        loaded = {path: store.load(cache) for path, cache in once.items()}
    own = {
        fold: {m: loaded[str(c.path)] for m, c in each.items()}
        for fold, each in chosen.items()
    }
    corpus = corpus_table.load(
        found["cache"], next(iter(caches.values())).recipe.corpus
    )
    return Sources(corpus, caches, next(iter(own.values())), {} if shared else own)
