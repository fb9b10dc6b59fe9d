"""Which embeddings a command works on: those of all folds, or of each fold its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from affuse.data.cache import (
    cache_selection,
    corpus_table,
    fold_caches,
    store,
    streaming,
)
from affuse.data.cache.recipe import Recipe
from affuse.data.cache.store import Cache, Embeddings
from affuse.data.options.run_options import RunInput
from affuse.data.options.shared_options import CacheChoice
from affuse.data.options.training_options import TrainingInputs
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


def find(options: TrainingInputs, modalities: Sequence[str]) -> Sources:
    """Return what the options choose, to train on.

    Args:
        options: which caches are chosen
        modalities: those that are wanted
    """
    folder, corpus, named = options.cache, options.corpus, options.named()
    if not options.finetuned:
        only = cache_selection.choose(
            folder, corpus=corpus, named=named, modalities=modalities
        )
        return _load(options, {ALL: only}, shared=True)
    chosen = fold_caches.choose(
        options.finetuned, folder, corpus=corpus, named=named, modalities=modalities
    )
    return _load(options, chosen, shared=False)


def alike(options: RunInput, recipes: Mapping[str, Mapping[str, Recipe]]) -> Sources:
    """Return what was made as the embeddings that a run was trained on.

    Args:
        options: the command that was typed, which an error repeats
        recipes: of the run, {fold: {modality: recipe}}

    Raises:
        AffuseError: as `affuse.fuse.inputs.extraction_commands.demand_alike`, and if
            there is no choice of caches, or more than one
    """
    fold_caches.demand(options.cache, options.corpus, recipes)
    demand_alike(recipes, options)
    distinct = {_key(like): like for like in recipes.values()}
    chosen = {
        key: cache_selection.choose(
            options.cache,
            corpus=options.corpus,
            named=options.named(),
            modalities=tuple(like),
            like=like,
        )
        for key, like in distinct.items()
    }
    by_fold = {fold: chosen[_key(like)] for fold, like in recipes.items()}
    return _load(options, by_fold, shared=len(distinct) == 1)


def _key(recipes: Mapping[str, Recipe]) -> tuple[str, ...]:
    """Equal for folds that share their embeddings."""
    return tuple(recipe.digest() for recipe in recipes.values())


def _load(
    options: CacheChoice,
    chosen: Mapping[str, Mapping[str, Cache]],
    *,
    shared: bool,
) -> Sources:
    """Each cache once, whichever folds take it."""
    caches = next(iter(chosen.values()))
    once = {str(c.path): c for each in chosen.values() for c in each.values()}
    if isinstance(options, TrainingInputs):
        loaded = streaming.open_all(once, gib=options.memory)
    else:  # predict and ablate gather again and again
        loaded = {path: store.load(cache) for path, cache in once.items()}
    own = {
        fold: {m: loaded[str(c.path)] for m, c in each.items()}
        for fold, each in chosen.items()
    }
    corpus = corpus_table.load(options.cache, next(iter(caches.values())).recipe.corpus)
    return Sources(corpus, caches, next(iter(own.values())), {} if shared else own)
