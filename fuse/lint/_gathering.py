"""Gathers what is known of a run, before its training, after it, or much later."""

from collections.abc import Mapping
from pathlib import Path

import torch

from data import store, table
from data.folds import read_folds
from data.predictions import PREDICTIONS, read_info
from data.recipe import Recipe
from data.store import Embeddings
from data.utterance import Corpus
from fuse import units
from fuse.lint._evidence import CACHE, CORPUS, TRAINED, Evidence, Stated, finished
from fuse.plan import Plan, fold_rows, inputs
from fuse.tensors import gather

INTERRUPTED = "its training was interrupted"


def planned(
    plan: Plan, corpus: Corpus, embeddings: Mapping[str, Embeddings], *, trained: bool
) -> Evidence:
    """A run with all that it is trained on at hand, before training or after it."""
    aligned, names = plan.aligned, inputs(plan.info.design, plan.recipes)
    missing = {} if trained else {TRAINED: "nothing is trained yet"}
    if trained and not (plan.folder / PREDICTIONS).is_file():
        missing[TRAINED] = INTERRUPTED
    return Evidence(
        info=plan.info,
        rows=read_folds(plan.folder) if trained else tuple(fold_rows(plan)),
        recipes={fold.name: plan.recipes for fold in plan.folds},
        missing=missing,
        folder=plan.folder,
        corpus=corpus,
        contents=_contents(embeddings),
        tensors=Stated("the tensors", aligned.ids, aligned.truth),
        load=lambda ids: aligned.rows(ids, features=names).features,
    )


def left(folder: Path, cache: Path) -> Evidence:
    """A run as it lies in its folder, with what of its cache is still there.

    Raises:
        FileNotFoundError: if the folder is no run
        ValueError: if it cannot be read
    """
    info, rows = read_info(folder), read_folds(folder)
    paths = finished(folder)
    firsts = {path.parent.name: path for path in paths}
    recipes = {fold: units.load(path)[1].recipes for fold, path in firsts.items()}
    missing: dict[str, str] = {}
    if not paths or not (folder / PREDICTIONS).is_file():
        missing[TRAINED] = INTERRUPTED
    corpus = _corpus(cache, info.corpus, missing)
    needed = {r.folder(): r for found in recipes.values() for r in found.values()}
    embeddings = _embeddings(cache / info.corpus, needed, missing)
    names = inputs(info.design, embeddings)
    return Evidence(
        info=info,
        rows=rows,
        recipes=recipes,
        missing=missing,
        folder=folder,
        corpus=corpus,
        contents=_contents(embeddings),
        load=lambda ids: {
            name: torch.from_numpy(values)
            for name, values in gather(embeddings, ids).items()
            if name in names
        },
    )


def _corpus(cache: Path, name: str, missing: dict[str, str]) -> Corpus | None:
    try:
        return table.load(cache, name)
    except (OSError, ValueError) as error:
        missing[CORPUS] = str(error)
        return None


def _embeddings(
    corpus: Path, recipes: Mapping[str, Recipe], missing: dict[str, str]
) -> dict[str, Embeddings]:
    """Exactly those that the run was trained on."""
    found = {}
    for name, recipe in recipes.items():
        try:
            cache = store.look(corpus / name)
            if cache is None or not cache.complete:
                raise ValueError(f"{corpus / name} is not there, or not complete")
            found[recipe.modality] = store.load(cache)
        except (OSError, ValueError) as error:
            missing[CACHE] = str(error)
    if not recipes:
        missing[CACHE] = "no finished model says which embeddings it takes"
    return found


def _contents(embeddings: Mapping[str, Embeddings]) -> dict[str, dict[str, str]]:
    """Digests of the inputs, by modality and id."""
    return {
        modality: dict(zip(found.ids, found.contents, strict=True))
        for modality, found in embeddings.items()
    }
