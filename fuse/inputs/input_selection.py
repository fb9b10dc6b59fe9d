"""Selection of a command's embeddings, shared by all folds or fold-specific."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from affuse.data.cache import (
    cache_selection,
    corpus_table,
    fold_caches,
    fold_requirements,
    store,
    streaming,
)
from affuse.data.cache.embedding_views import join, narrow
from affuse.data.cache.recipe import Recipe
from affuse.data.cache.store import Cache, Embeddings
from affuse.data.options.command_record import Command
from affuse.data.options.run_options import RunInput
from affuse.data.options.shared_options import CacheChoice
from affuse.data.options.training_options import TrainingInputs
from affuse.data.records import Corpus
from affuse.fuse.inputs.extraction_commands import demand_matching_caches
from affuse.fuse.inputs.feature_choice import FeatureChoice
from affuse.fuse.inputs.fold_embeddings import ALL_FOLDS, FoldEmbeddings

Shown = tuple[Cache, Recipe]  # a cache, and the recipe of what is taken of it


@dataclass(frozen=True)
class Sources:
    """Corpus and its selected caches, of the first fold if folds differ."""

    corpus: Corpus
    shown: tuple[Shown, ...]  # caches with the recipe of what is taken of each
    embeddings: Mapping[str, Embeddings]  # {modality: rows of its caches}
    # fold-specific embeddings, if any
    fold_embeddings: FoldEmbeddings = field(default_factory=dict)
    remarks: tuple[str, ...] = ()  # sentences on a training set of several corpora


def select_for_training(
    options: TrainingInputs, modalities: Sequence[str], choice: FeatureChoice
) -> Sources:
    """Return the corpus and caches that the options select for training.

    Args:
        options: options that select caches
        modalities: modalities that the designs need
        choice: layers and statistics to take of each cache
    """
    folder, corpus, named = options.cache, options.corpus, options.cache_names()
    if not options.finetuned:
        only = cache_selection.choose(
            folder, corpus=corpus, named=named, modalities=modalities
        )
        chosen = {ALL_FOLDS: only}
    else:
        chosen = fold_caches.choose(
            options.finetuned, folder, corpus=corpus, named=named, modalities=modalities
        )
    taken = {
        fold: {
            m: list(zip(caches, _narrowed(choice, caches), strict=True))
            for m, caches in by_modality.items()
        }
        for fold, by_modality in chosen.items()
    }
    return _load(options, taken, shared=not options.finetuned)


def _narrowed(choice: FeatureChoice, caches: Sequence[Cache]) -> list[Recipe]:
    """Return the recipes of what is taken of the caches of one modality."""
    return choice.narrowed_each([cache.recipe for cache in caches])


def select_for_run(
    options: RunInput, recipes: Mapping[str, Mapping[str, Recipe]]
) -> Sources:
    """Return the corpus and the caches that the models of a run can be applied to.

    Args:
        options: the command that the user typed, which an error repeats
        recipes: recipes of the run, {fold: {modality: recipe}}

    Raises:
        AffuseError: as `find_caches`
    """
    taken = find_caches(options, recipes)
    return _load(options, taken, shared=len({*map(_key, recipes.values())}) == 1)


def select_like(
    options: TrainingInputs, corpus: str, recipes: Mapping[str, Recipe]
) -> Sources:
    """Return a corpus and its caches with the same recipes as another corpus.

    Args:
        options: of the training command
        corpus: name of the corpus
        recipes: {modality: recipe} of the other corpus

    Raises:
        AffuseError: as `find_caches`
    """
    chosen = RunInput(run=Path(), cache=options.cache, corpus=corpus)
    taken = find_caches(chosen, {ALL_FOLDS: recipes}, options)
    return _load(options, taken, shared=True)


def find_caches(
    options: RunInput,
    recipes: Mapping[str, Mapping[str, Recipe]],
    repeated: Command | None = None,
) -> dict[str, Mapping[str, Sequence[Shown]]]:
    """Return the caches that hold embeddings of certain recipes, without loading them.

    Args:
        options: corpus, caches, and the run that errors name
        recipes: {fold: {modality: recipe}}; corpus and content are not compared
        repeated: the training command that errors advise to repeat; None for `options`

    Returns:
        {fold: {modality: caches, with what is taken of each}}

    Raises:
        AffuseError: if no caches or several fit, or if embeddings differ from those of
            the recipes, see `extraction_commands.demand_matching_caches`
    """
    fold_requirements.demand(options.cache, options.corpus, recipes)
    demand_matching_caches(recipes, options, repeated)
    distinct = {_key(like): like for like in recipes.values()}
    taken = {}
    for key, like in distinct.items():
        chosen = cache_selection.choose(
            options.cache,
            corpus=options.corpus,
            named=options.cache_names(),
            modalities=tuple(like),
            recipes=like,
        )
        taken[key] = {
            m: [
                (cache, _of_cache(part, cache))
                for cache, part in zip(caches, like[m].parts, strict=True)
            ]
            for m, caches in chosen.items()
        }
    return {fold: taken[_key(like)] for fold, like in recipes.items()}


def _of_cache(needed: Recipe, cache: Cache) -> Recipe:
    """Return a recipe for the corpus of a cache; that of the cache if it differs."""
    recipe = cache.recipe
    own = needed.of_corpus(recipe.corpus, recipe.content)
    own = replace(own, transcripts=recipe.transcripts)
    return own if recipe.covers(needed) else recipe


def _key(recipes: Mapping[str, Recipe]) -> tuple[str, ...]:
    """Return a key that is equal for folds that share their embeddings."""
    return tuple(recipe.digest() for recipe in recipes.values())


def _load(
    options: CacheChoice,
    taken: Mapping[str, Mapping[str, Sequence[Shown]]],
    *,
    shared: bool,
) -> Sources:
    """Return the corpus with its caches, each of which is loaded once."""
    once = {
        _view(each): each
        for by_modality in taken.values()
        for several in by_modality.values()
        for each in several
    }
    if isinstance(options, TrainingInputs):
        loaded = streaming.open_all(once, gib=options.memory)
    else:  # predict and ablate read rows many times
        loaded = {
            key: narrow(store.load(c), recipe) for key, (c, recipe) in once.items()
        }
    by_fold = {
        fold: {
            m: join([loaded[_view(each)] for each in several])
            for m, several in by_modality.items()
        }
        for fold, by_modality in taken.items()
    }
    first = next(iter(taken.values()))
    shown = tuple(each for several in first.values() for each in several)
    corpus = corpus_table.load(options.cache, shown[0][0].recipe.corpus)
    embeddings = next(iter(by_fold.values()))
    return Sources(corpus, shown, embeddings, {} if shared else by_fold)


def _view(each: Shown) -> str:
    """Return a key that is equal for equal parts of one cache."""
    cache, recipe = each
    return f"{cache.path} {recipe.text()}"
