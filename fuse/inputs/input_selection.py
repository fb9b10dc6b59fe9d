"""Selection of a command's embeddings, shared by all folds or fold-specific."""

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
from affuse.fuse.inputs.extraction_commands import demand_matching_caches
from affuse.fuse.inputs.fold_embeddings import ALL_FOLDS, FoldEmbeddings


@dataclass(frozen=True)
class Sources:
    """Corpus and its selected caches."""

    corpus: Corpus
    caches: Mapping[str, Cache]  # {modality: cache}; of the first fold if folds differ
    embeddings: Mapping[str, Embeddings]  # {modality: rows of its cache}
    # fold-specific embeddings, if any
    fold_embeddings: FoldEmbeddings = field(default_factory=dict)


def select_for_training(options: TrainingInputs, modalities: Sequence[str]) -> Sources:
    """Return the corpus and caches that the options select for training.

    Args:
        options: options that select caches
        modalities: modalities that the designs need
    """
    folder, corpus, named = options.cache, options.corpus, options.cache_names()
    if not options.finetuned:
        only = cache_selection.choose(
            folder, corpus=corpus, named=named, modalities=modalities
        )
        return _load(options, {ALL_FOLDS: only}, shared=True)
    chosen = fold_caches.choose(
        options.finetuned, folder, corpus=corpus, named=named, modalities=modalities
    )
    return _load(options, chosen, shared=False)


def select_for_run(
    options: RunInput, recipes: Mapping[str, Mapping[str, Recipe]]
) -> Sources:
    """Return the corpus and the caches that the models of a run can be applied to.

    Args:
        options: the command that the user typed, which an error repeats
        recipes: recipes of the run, {fold: {modality: recipe}}

    Raises:
        AffuseError: if no caches or several fit, or if embeddings differ from those of
            the run, see `extraction_commands.demand_matching_caches`
    """
    fold_caches.demand(options.cache, options.corpus, recipes)
    demand_matching_caches(recipes, options)
    distinct = {_key(like): like for like in recipes.values()}
    chosen = {
        key: cache_selection.choose(
            options.cache,
            corpus=options.corpus,
            named=options.cache_names(),
            modalities=tuple(like),
            recipes=like,
        )
        for key, like in distinct.items()
    }
    by_fold = {fold: chosen[_key(like)] for fold, like in recipes.items()}
    return _load(options, by_fold, shared=len(distinct) == 1)


def _key(recipes: Mapping[str, Recipe]) -> tuple[str, ...]:
    """Return a key that is equal for folds that share their embeddings."""
    return tuple(recipe.digest() for recipe in recipes.values())


def _load(
    options: CacheChoice,
    chosen: Mapping[str, Mapping[str, Cache]],
    *,
    shared: bool,
) -> Sources:
    """Return the corpus with its caches, each of which is loaded once."""
    caches = next(iter(chosen.values()))
    once = {str(c.path): c for by_name in chosen.values() for c in by_name.values()}
    if isinstance(options, TrainingInputs):
        loaded = streaming.open_all(once, gib=options.memory)
    else:  # predict and ablate read rows many times
        loaded = {path: store.load(cache) for path, cache in once.items()}
    by_fold = {
        fold: {m: loaded[str(c.path)] for m, c in by_name.items()}
        for fold, by_name in chosen.items()
    }
    corpus = corpus_table.load(options.cache, next(iter(caches.values())).recipe.corpus)
    first = next(iter(by_fold.values()))
    return Sources(corpus, caches, first, {} if shared else by_fold)
