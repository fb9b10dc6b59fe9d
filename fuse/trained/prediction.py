"""Ratings of any cached utterances, by all models of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from affuse.data.cache.recipe import Recipe
from affuse.data.cache.store import Embeddings
from affuse.data.errors import AffuseError
from affuse.fuse.inputs.fold_embeddings import ALL, Own
from affuse.fuse.inputs.tensors import gather
from affuse.fuse.models.regressor import pick
from affuse.fuse.trained import model_files
from affuse.fuse.trained.model_files import load
from affuse.fuse.trained.model_folders import demand_widths, finished, warn
from affuse.fuse.trained.model_folders import seed as seed_of


@dataclass(frozen=True)
class Applied:
    """What the models of a run say, one row an utterance, sorted by id."""

    ids: tuple[str, ...]
    targets: tuple[str, ...]  # of affuse.data.rating_scales.RATINGS
    mean: np.ndarray  # (n, targets), over models, about [-1, 1]
    std: np.ndarray  # (n, targets), over models; 0 where there is only one
    models: int
    said: np.ndarray  # (models, n, targets), of each
    folds: tuple[str, ...]  # of each model
    seeds: tuple[int, ...]  # of each model
    partial: Mapping[str, int]  # modalities that were there, if not all -> utterances
    # {reason: utterances} that lack a modality which the models cannot do without
    left_out: Mapping[str, int]


def apply(
    run: Path,
    embeddings: Mapping[str, Embeddings],
    *,
    own: Own | None = None,
    device: str = "cpu",
) -> Applied:
    """Average the predictions of every fold and seed.

    Of utterances the run was trained on, most models have seen the rating: what they
    say there is no measure of how good they are.

    Args:
        run: a run folder
        embeddings: {modality: rows of its cache}, of any corpus; an utterance that
            lacks a modality is predicted from the others if the models were trained for
            that (see `affuse.fuse.models.system.System.robust`), else it is left aside
        own: of each fold, if each has encoders of its own; in the place of `embeddings`
        device: where to compute

    Raises:
        FileNotFoundError: if the run has no finished model
        AffuseError: if a modality is missing or was extracted in another way, or no
            utterance has all that is needed
    """
    folders = _units(run)
    warn(run)
    module, first = load(folders[0])
    robust = bool(getattr(module, "robust", False))
    needed = _needed(folders, {ALL: embeddings, **(own or {})}, robust=robust)
    groups = _same_groups(needed)
    partial = {m: ids for m, ids in groups.items() if m != tuple(first.recipes)}
    if not robust:
        groups = {m: ids for m, ids in groups.items() if m not in partial}
        _demand_some(groups, next(iter(needed.values())))
    ids = sorted(id_ for group in groups.values() for id_ in group)
    said = [_say(path, needed[path.parent.name], groups, device) for path in folders]
    return Applied(
        ids=tuple(ids),
        targets=first.targets,
        mean=np.mean(said, axis=0),
        std=np.std(said, axis=0),
        models=len(said),
        said=np.stack(said),
        folds=tuple(folder.parent.name for folder in folders),
        seeds=tuple(
            seed for folder in folders if (seed := seed_of(folder)) is not None
        ),
        partial={" and ".join(m): len(v) for m, v in partial.items() if robust},
        left_out={} if robust else _lacking(partial, tuple(first.recipes)),
    )


def _needed(
    folders: Sequence[Path], given: Own, *, robust: bool
) -> dict[str, dict[str, Embeddings]]:
    """What the models of each fold take of what is given.

    Raises:
        AffuseError: if a modality is missing, or was extracted in another way
    """
    needed = {}
    for fold, trained in model_files.recipes(folders).items():
        there = given.get(fold, given[ALL])
        needed[fold] = {
            modality: pick(there, modality)
            for modality in trained
            if modality in there or not robust or not there
        }
        demand_same(trained, needed[fold], folders[0].parent.parent)
    return needed


Groups = Mapping[tuple[str, ...], Sequence[str]]  # modalities -> ids that have them


def _same_groups(needed: Own) -> Groups:
    """Ids of all utterances by modality, the same for all folds.

    Raises:
        AffuseError: if folds have embeddings of other utterances
    """
    found = {fold: _groups(embeddings) for fold, embeddings in needed.items()}
    first, *others = found
    for fold in others:
        if found[fold] != found[first]:
            raise AffuseError(
                f"folds '{first}' and '{fold}' have embeddings of other utterances; "
                f"extract both again, from the same corpus"
            )
    return found[first]


def _groups(embeddings: Mapping[str, Embeddings]) -> Groups:
    """Ids of all utterances by the modalities that they have."""
    known = {modality: frozenset(e.ids) for modality, e in embeddings.items()}
    groups: dict[tuple[str, ...], list[str]] = {}
    for id_ in sorted(frozenset.union(*known.values())):
        there = tuple(modality for modality, ids in known.items() if id_ in ids)
        groups.setdefault(there, []).append(id_)
    return groups


def _lacking(partial: Groups, needed: Sequence[str]) -> dict[str, int]:
    """Return the number of utterances by what they lack, in words."""
    return {
        " and ".join(f"no {m} embedding" for m in needed if m not in there): len(ids)
        for there, ids in sorted(partial.items())
    }


def _say(
    folder: Path, embeddings: Mapping[str, Embeddings], groups: Groups, device: str
) -> np.ndarray:
    """What one model says of all utterances: (n, targets), sorted by id."""
    module, _ = load(folder)
    ids = [id_ for group in groups.values() for id_ in group]
    said = []
    for modalities, group in groups.items():
        found = gather({m: embeddings[m] for m in modalities}, group)
        features = {n: torch.from_numpy(x).to(device) for n, x in found.items()}
        demand_widths(module, features, folder)
        with torch.inference_mode():
            said.append(module.to(device)(features).double().cpu().numpy())
    return np.concatenate(said)[np.argsort(np.array(ids, object))]


def _demand_some(groups: Groups, embeddings: Mapping[str, Embeddings]) -> None:
    """Refuse to predict nothing at all."""
    if not groups:
        counts = ", ".join(f"{len(e.ids)} of {m}" for m, e in embeddings.items())
        raise AffuseError(
            f"no utterance has all of {', '.join(embeddings)}: there are embeddings "
            f"{counts}, and no id in common; extract both from the same corpus"
        )


def recipes(run: Path) -> dict[str, Mapping[str, Recipe]]:
    """How the embeddings of a run were made: {fold: {modality: recipe}}.

    Raises:
        FileNotFoundError: if the run has no finished model
    """
    return model_files.recipes(_units(run))


def _units(run: Path) -> list[Path]:
    """Return the folders of the finished models of a run."""
    folders = finished(run)
    if not folders:
        raise FileNotFoundError(
            f"{run} has no finished model; name the folder of a run, or repeat its "
            f"train command"
        )
    return folders


def demand_same(
    recipes: Mapping[str, Recipe], embeddings: Mapping[str, Embeddings], run: Path
) -> None:
    """Refuse embeddings that differ in more than what was encoded.

    Raises:
        AffuseError: naming the modality and the first difference
    """
    for modality, given in embeddings.items():
        trained = recipes[modality]
        found = Recipe.parse(given.recipe.text())
        found = replace(found, corpus=trained.corpus, content=trained.content)
        if difference := found.difference(trained):
            raise AffuseError(
                f"the {modality} embeddings were extracted with {difference} as those "
                f"of {run.name}; extract again with the run's options"
            )
