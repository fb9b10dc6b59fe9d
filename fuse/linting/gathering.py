"""Evidence on a run from its plan or its folder, before or after its training.

The rules that examine it are in `affuse.fuse.linting.rules`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from affuse.data.cache import cache_coverage, store
from affuse.data.cache.corpus_rows import stack_corpora
from affuse.data.cache.embedding_views import join, narrow
from affuse.data.cache.recipe import Recipe
from affuse.data.cache.recording_spans import RecordingSpan
from affuse.data.cache.store import Embeddings
from affuse.data.corpus_naming import corpus_names
from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.name_spellings import unify
from affuse.data.records import Corpus
from affuse.data.runs.fold_table import FoldRow, read_folds
from affuse.data.runs.run_folder import RunFolder
from affuse.data.runs.run_information import read_info
from affuse.fuse.inputs.joint_corpus import load_training_set
from affuse.fuse.inputs.tensors import gather
from affuse.fuse.linting.evidence import CACHE, CORPUS, TRAINED, Evidence, TrueRatings
from affuse.fuse.models.design_files import missing_file
from affuse.fuse.models.trainable.design_registry import find_trainable
from affuse.fuse.trained import model_files
from affuse.fuse.trained.model_folders import finished_models, warn_of_unlisted_models
from affuse.fuse.training.run_description import fold_rows
from affuse.fuse.training.run_plan import RunPlan

INTERRUPTED = "its training was interrupted"


def gather_planned_run(
    plan: RunPlan,
    corpus: Corpus,
    embeddings: Mapping[str, Embeddings],
    *,
    trained: bool,
) -> Evidence:
    """Return the evidence on a planned run, before its training or after it.

    Args:
        plan: of the run
        corpus: of the run
        embeddings: rows of the caches that it is trained on
        trained: True after the training, to examine its results too
    """
    names = plan.features
    missing = {} if trained else {TRAINED: "nothing is trained yet"}
    if trained and not RunFolder(plan.folder).predictions.is_file():
        missing[TRAINED] = INTERRUPTED
    return Evidence(
        info=plan.info,
        rows=read_folds(plan.folder) if trained else tuple(fold_rows(plan)),
        recipes=plan.recipes,
        missing=missing,
        folder=plan.folder,
        corpus=corpus,
        contents=_contents(embeddings.values()),
        stretches=stretches(embeddings.values()),
        tensors=TrueRatings("the tensors", plan.common.ids, plan.common.truth),
        load=lambda fold, ids: plan.aligned[fold].rows(ids, features=names).features,
    )


def gather_finished_run(folder: Path, cache: Path) -> Evidence:
    """Return the evidence in a run's folder, and in its cache as far as it exists.

    Args:
        folder: of the run
        cache: root folder of caches

    Raises:
        FileNotFoundError: if the folder is not a run
        AffuseError: if it cannot be read
    """
    info, rows = read_info(folder), read_folds(folder)
    paths = finished_models(folder)
    warn_of_unlisted_models(folder)
    recipes = model_files.recipes(paths)
    missing: dict[str, str] = {}
    if not paths or not RunFolder(folder).predictions.is_file():
        missing[TRAINED] = INTERRUPTED
    elif lack := missing_file(info, folder):
        missing[TRAINED] = lack
    corpus = _corpus(cache, info.corpus, missing)
    needed = {
        part.folder(): part
        for fold in recipes.values()
        for recipe in fold.values()
        for part in recipe.parts
    }
    embeddings = _embeddings(cache, needed, missing)

    def load(fold: str, ids: Sequence[str]) -> Mapping[str, Tensor]:
        caches = {
            m: join([embeddings[part.folder()] for part in r.parts])
            for m, r in recipes[fold].items()
        }
        features = gather(caches, ids)
        names = find_trainable(info.design).features(tuple(caches))
        return {name: torch.from_numpy(features[name]) for name in names}

    return Evidence(
        info=info,
        rows=rows,
        recipes=recipes,
        missing=missing,
        folder=folder,
        corpus=corpus,
        contents=_contents(embeddings.values()),
        stretches=stretches(embeddings.values()),
        load=load,
    )


def gather_test_corpus(
    folder: Path,
    recipes: Mapping[str, Mapping[str, Recipe]],
    corpus: Corpus,
    embeddings: Sequence[Embeddings],
) -> Evidence:
    """Return the evidence on a test corpus, which is the test part of each fold.

    Args:
        folder: of the run whose models predict it
        recipes: {fold: {modality: recipe}} of the run
        corpus: that is tested
        embeddings: rows of its caches

    Raises:
        FileNotFoundError: if the folder is not a run
        AffuseError: if it cannot be read
    """
    info = replace(read_info(folder), corpus=corpus.name, nature=corpus.nature)
    return Evidence(
        info=info,
        rows=tuple(
            FoldRow(fold, "test", u.id, u.speaker, u.dialogue, u.scripted)
            for fold in recipes
            for u in unify(corpus.utterances)
        ),
        recipes=recipes,
        missing={TRAINED: "only the test corpus is examined"},
        folder=folder,
        corpus=corpus,
        contents=_contents(embeddings),
        stretches=stretches(embeddings),
    )


def _corpus(cache: Path, name: str, missing: dict[str, str]) -> Corpus | None:
    """Return the corpus in a cache, or add a reason to `missing`."""
    try:
        return load_training_set(cache, name)
    except DamagedFileError:
        raise  # A damaged corpus must not be reported as a missing one.
    except (OSError, AffuseError) as error:
        missing[CORPUS] = str(error)
        return None


def _embeddings(
    cache: Path, recipes: Mapping[str, Recipe], missing: dict[str, str]
) -> dict[str, Embeddings]:
    """Return the embeddings of recipes by their folder, or add to `missing`."""
    embeddings = {}
    for name, recipe in recipes.items():
        try:
            embeddings[name] = _load(cache, recipe)
        except DamagedFileError:
            raise
        except (OSError, AffuseError) as error:
            missing[CACHE] = str(error)
    if not recipes:
        missing[CACHE] = "no finished model states which embeddings it takes"
    return embeddings


def _load(cache: Path, recipe: Recipe) -> Embeddings:
    """Return the embeddings of a recipe, of one corpus or of several.

    Raises:
        AffuseError: if a cache is missing, or the corpora have changed since
    """
    if len(names := corpus_names(recipe.corpus)) > 1:
        stacked = stack_corpora([_load_like(cache, name, recipe) for name in names])
        if stacked.recipe.text() != recipe.text():
            raise AffuseError(
                f"the {recipe.modality} embeddings of {', '.join(names)} are not those "
                f"that the run was trained on"
            )
        return stacked
    found = cache_coverage.holding(cache / recipe.corpus, recipe)
    if found is None or not found.complete:
        place = cache / recipe.corpus / recipe.folder()
        raise AffuseError(f"{place} is missing or incomplete")
    return narrow(store.load(found), recipe)


def _load_like(cache: Path, corpus: str, recipe: Recipe) -> Embeddings:
    """Return the embeddings of one corpus, with the recipe of a training set."""
    caches = [c for c in store.find(cache, corpus) if c.recipe.covers(recipe)]
    for found in cache_coverage.find_candidates(caches, recipe, ()):
        own = recipe.of_corpus(corpus, found.recipe.content)
        return narrow(store.load(found), own)
    raise AffuseError(f"{cache / corpus} has no such {recipe.modality} embeddings")


def _contents(embeddings: Iterable[Embeddings]) -> dict[str, dict[str, str]]:
    """Return digests of the inputs by modality and id, for ids in all its caches."""
    contents: dict[str, dict[str, str]] = {}
    for cache in embeddings:
        digests = dict(zip(cache.ids, cache.contents, strict=True))
        earlier = contents.setdefault(cache.recipe.modality, digests)
        contents[cache.recipe.modality] = {
            i: c for i, c in earlier.items() if i in digests
        }
    return contents


def stretches(embeddings: Iterable[Embeddings]) -> dict[str, RecordingSpan]:
    """Return the stretch of a recording that each utterance is, by id.

    Stretches with digests of their samples take precedence.

    Args:
        embeddings: rows of several caches
    """
    by_id: dict[str, RecordingSpan] = {}
    for each in embeddings:
        for id_, stretch in zip(each.ids, each.stretches, strict=False):
            earlier = by_id.get(id_)
            if stretch is not None and (earlier is None or not earlier.samples):
                by_id[id_] = stretch
    return by_id
