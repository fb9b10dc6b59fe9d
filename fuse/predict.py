"""Ratings of any cached utterances, by all models of a run."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from data.predictions import PREDICTIONS
from data.recipe import Recipe
from data.store import Embeddings
from fuse.designs._regressor import pick
from fuse.tensors import gather
from fuse.units import Description, load


@dataclass(frozen=True)
class Applied:
    """What the models of a run say, one row an utterance, sorted by id."""

    ids: tuple[str, ...]
    targets: tuple[str, ...]  # of data.ratings.RATINGS
    mean: np.ndarray  # (n, targets), over models, about [-1, 1]
    std: np.ndarray  # (n, targets), over models; 0 where there is only one
    models: int
    said: np.ndarray  # (models, n, targets), of each
    folds: tuple[str, ...]  # of each model
    seeds: tuple[int, ...]  # of each model


def apply(
    run: Path, embeddings: Mapping[str, Embeddings], *, device: str = "cpu"
) -> Applied:
    """Average the predictions of every fold and seed.

    Of utterances the run was trained on, most models have seen the rating: what they
    say there is no measure of how good they are.

    Args:
        run: a run folder
        embeddings: {modality: rows of its cache}, of any corpus; utterances that lack
            a modality the run needs are left aside
        device: where to compute

    Raises:
        FileNotFoundError: if the run has no finished model
        ValueError: if a modality is missing or was extracted in another way, or no
            utterance has all that is needed
    """
    folders = _units(run)
    _, first = load(folders[0])
    needed = {modality: pick(embeddings, modality) for modality in first.recipes}
    _demand_same(first, needed, run)
    ids = _common(needed)
    features = {
        name: torch.from_numpy(values).to(device)
        for name, values in gather(needed, ids).items()
    }
    said = []
    for folder in folders:
        module, _ = load(folder)
        with torch.inference_mode():
            said.append(module.to(device)(features).double().cpu().numpy())
    return Applied(
        ids=tuple(ids),
        targets=first.targets,
        mean=np.mean(said, axis=0),
        std=np.std(said, axis=0),
        models=len(said),
        said=np.stack(said),
        folds=tuple(folder.parent.name for folder in folders),
        seeds=tuple(int(folder.name.removeprefix("seed-")) for folder in folders),
    )


def _common(embeddings: Mapping[str, Embeddings]) -> list[str]:
    """Ids of the utterances that have every modality, sorted."""
    found = frozenset.intersection(*(frozenset(e.ids) for e in embeddings.values()))
    if not found:
        counts = ", ".join(f"{len(e.ids)} of {m}" for m, e in embeddings.items())
        raise ValueError(
            f"no utterance has all of {', '.join(embeddings)}: there are embeddings "
            f"{counts}, and no id in common; extract both from the same corpus"
        )
    return sorted(found)


def recipes(run: Path) -> Mapping[str, Recipe]:
    """How the embeddings of a run were made, of each modality that it takes.

    Raises:
        FileNotFoundError: if the run has no finished model
    """
    _, first = load(_units(run)[0])
    return first.recipes


def _units(run: Path) -> list[Path]:
    """Folders of the finished models of a run."""
    folders = [path.parent for path in sorted(run.glob(f"*/seed-*/{PREDICTIONS}"))]
    if not folders:
        raise FileNotFoundError(f"{run} has no finished model; train first")
    return folders


def _demand_same(
    description: Description, embeddings: Mapping[str, Embeddings], run: Path
) -> None:
    """Refuse embeddings that differ in more than what was encoded."""
    for modality, trained in description.recipes.items():
        found = Recipe.parse(embeddings[modality].recipe.text())
        found = replace(found, corpus=trained.corpus, content=trained.content)
        if difference := found.difference(trained):
            raise ValueError(
                f"the {modality} embeddings were extracted with {difference} as those "
                f"of {run.name}; extract again with the run's options"
            )
