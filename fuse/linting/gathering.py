"""Gathers what is known of a run, before its training, after it, or much later."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from affuse.data.cache import corpus_table, store
from affuse.data.cache.recording_spans import Stretch
from affuse.data.cache.store import Embeddings
from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.records import Corpus, check_name
from affuse.data.runs.fold_table import read_folds
from affuse.data.runs.run_folder import RunFolder
from affuse.data.runs.run_information import read_info
from affuse.fuse.inputs.tensors import gather
from affuse.fuse.linting.evidence import CACHE, CORPUS, TRAINED, Evidence, Stated
from affuse.fuse.models.design_files import missing_file
from affuse.fuse.models.trainable.design_registry import trainable
from affuse.fuse.trained import model_files
from affuse.fuse.trained.model_folders import finished, warn
from affuse.fuse.training.run_description import fold_rows
from affuse.fuse.training.run_plan import RunPlan

INTERRUPTED = "its training was interrupted"


def planned(
    plan: RunPlan,
    corpus: Corpus,
    embeddings: Mapping[str, Embeddings],
    *,
    trained: bool,
) -> Evidence:
    """A run with all that it is trained on at hand, before training or after it."""
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
        tensors=Stated("the tensors", plan.common.ids, plan.common.truth),
        load=lambda fold, ids: plan.aligned[fold].rows(ids, features=names).features,
    )


def left(folder: Path, cache: Path) -> Evidence:
    """A run as it lies in its folder, with what of its cache is still there.

    Raises:
        FileNotFoundError: if the folder is no run
        AffuseError: if it cannot be read
    """
    info, rows = read_info(folder), read_folds(folder)
    paths = finished(folder)
    warn(folder)
    recipes = model_files.recipes(paths)
    missing: dict[str, str] = {}
    if not paths or not RunFolder(folder).predictions.is_file():
        missing[TRAINED] = INTERRUPTED
    elif lack := missing_file(info, folder):
        missing[TRAINED] = lack
    corpus = _corpus(cache, info.corpus, missing)
    needed = {r.folder(): r for found in recipes.values() for r in found.values()}
    embeddings = _embeddings(cache / info.corpus, needed, missing)

    def load(fold: str, ids: Sequence[str]) -> Mapping[str, Tensor]:
        own = {m: embeddings[r.folder()] for m, r in recipes[fold].items()}
        found = gather(own, ids)
        names = trainable(info.design).features(tuple(own))
        return {name: torch.from_numpy(found[name]) for name in names}

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


def _corpus(cache: Path, name: str, missing: dict[str, str]) -> Corpus | None:
    try:
        check_name(name)
        return corpus_table.load(cache, name)
    except DamagedFileError:
        raise  # it must not pass for a corpus that is not at hand
    except (OSError, AffuseError) as error:
        missing[CORPUS] = str(error)
        return None


def _embeddings(
    corpus: Path, recipes: Iterable[str], missing: dict[str, str]
) -> dict[str, Embeddings]:
    """Exactly those that the run was trained on, by folder."""
    found = {}
    for name in recipes:
        try:
            cache = store.look(corpus / name)
            if cache is None or not cache.complete:
                raise AffuseError(f"{corpus / name} is not there, or not complete")
            found[name] = store.load(cache)
        except DamagedFileError:
            raise
        except (OSError, AffuseError) as error:
            missing[CACHE] = str(error)
    if not recipes:
        missing[CACHE] = "no finished model says which embeddings it takes"
    return found


def _contents(embeddings: Iterable[Embeddings]) -> dict[str, dict[str, str]]:
    """Digests of the inputs, by modality and id; of ids that each of its caches has."""
    contents: dict[str, dict[str, str]] = {}
    for found in embeddings:
        own = dict(zip(found.ids, found.contents, strict=True))
        known = contents.setdefault(found.recipe.modality, own)
        contents[found.recipe.modality] = {i: c for i, c in known.items() if i in own}
    return contents


def stretches(embeddings: Iterable[Embeddings]) -> dict[str, Stretch]:
    """Recordings by utterance id; of several caches, the one that knows the samples."""
    found: dict[str, Stretch] = {}
    for each in embeddings:
        for id_, stretch in zip(each.ids, each.stretches, strict=False):
            known = found.get(id_)
            if stretch is not None and (known is None or not known.samples):
                found[id_] = stretch
    return found
