"""Rows of networks after the affine map of baselines, for a fair comparison.

A baseline minimises the squared error. It is then mapped to the mean and standard
deviation of the validation ratings. A network trains on the CCC. Its additional row has
the same kind of map, fitted to the validation predictions of each model for each
rating. Nothing is trained, and no rating of a test part is used.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from affuse.data.errors import AffuseError
from affuse.data.runs.run_predictions import Run
from affuse.fuse.models.trainable.design_registry import find_trainable
from affuse.fuse.scoring.affine import IDENTITY, AffineMap, concordant
from affuse.fuse.trained.fold_predictions import read_validation_parts
from affuse.fuse.trained.training_history import read_curves
from affuse.fuse.training.setting_resolution import has_map

DETAIL = "affine map"  # detail in the name of a mapped network's row


@dataclass(frozen=True)
class LabelledRun:
    """Run with the label of its row."""

    run: Run
    detail: str  # distinguishes it from other rows of its design
    group: str = ""  # heading of the rows on the same encoders
    mapped: bool = False  # True for a network after the map
    maps: int = 0  # number of maps, one for each fold, seed and rating
    unmapped: int = 0  # number of maps that are the identity


@dataclass(frozen=True)
class MappedRows:
    """Runs of a table, with mapped networks among them."""

    runs: tuple[LabelledRun, ...]  # a mapped network follows its run
    lacking: tuple[str, ...] = ()  # names of networks without validation predictions
    damaged: tuple[str, ...] = ()  # sentences on damaged files


def add_mapped_networks(runs: Sequence[LabelledRun], *, every: bool) -> MappedRows:
    """Return the runs of one table, with rows of mapped networks.

    If a baseline is mapped, the network of the highest mean validation CCC on the same
    encoders is mapped too. Like the map, this selection uses validation parts only.
    Late-fusion designs are not selected, because some are fitted on validation parts.

    Args:
        runs: of one table
        every: map each network, even if no baseline is mapped
    """
    networks = [r for r in runs if not find_trainable(r.run.info.design).is_baseline]
    if every:
        return _with_rows(runs, {each.run.info.name for each in networks}, [], [])
    groups = {each.group for each in runs if has_map(each.run.info)}
    chosen = set[str]()
    lacking, damaged = list[str](), list[str]()
    for group in sorted(groups):
        candidates = [
            each.run
            for each in networks
            if each.group == group and not find_trainable(each.run.info.design).bases
        ]
        scores = _scores(candidates, lacking, damaged)
        if scores:
            chosen.add(max(scores, key=lambda name: scores[name]))
    return _with_rows(runs, chosen, lacking, damaged)


def _scores(
    runs: Sequence[Run], lacking: list[str], damaged: list[str]
) -> dict[str, float]:
    """Return the validation CCC of runs by name; add failures to one of the lists."""
    scores = {}
    for run in runs:
        try:
            scores[run.info.name] = validation_ccc(run.path)
        except FileNotFoundError:
            lacking.append(run.info.name)
        except AffuseError as error:
            damaged.append(str(error))
    return scores


def _with_rows(
    runs: Sequence[LabelledRun],
    chosen: Collection[str],
    lacking: list[str],
    damaged: list[str],
) -> MappedRows:
    """Return the runs, with a mapped copy after each chosen run."""
    extended = list[LabelledRun]()
    for labelled in runs:
        extended.append(labelled)
        if labelled.run.info.name in chosen:
            try:
                extended.append(_mapped_row(labelled))
            except FileNotFoundError:
                lacking.append(labelled.run.info.name)
            except AffuseError as error:
                damaged.append(str(error))
    return MappedRows(tuple(extended), tuple(lacking), tuple(damaged))


def _mapped_row(network: LabelledRun) -> LabelledRun:
    """Return the row of a network after its maps."""
    detail = ", ".join(word for word in (network.detail, DETAIL) if word)
    run, maps = map_predictions(network.run)
    unmapped = sum(each == IDENTITY for each in maps)
    return LabelledRun(run, detail, network.group, True, len(maps), unmapped)


def validation_ccc(run: Path) -> float:
    """Return the mean validation CCC of the best epochs of all models of a run.

    Args:
        run: folder of the run

    Raises:
        FileNotFoundError: if the run has no history
        DamagedFileError: if the history is damaged, or empty
    """
    return float(np.mean([max(curve.scores) for curve in read_curves(run)]))


def map_predictions(run: Run) -> tuple[Run, list[AffineMap]]:
    """Return a run with the test predictions of each model after its maps.

    Mapped predictions may lie outside [-1, 1] and are not clipped.

    Args:
        run: with validation predictions in the folders of its models

    Returns:
        the run, and the map of each fold, seed and rating

    Raises:
        FileNotFoundError: if a model has no validation predictions
        AffuseError: if those predictions are of other utterances, or damaged
    """
    p = run.predictions
    seeds = np.unique(p.seed).tolist()
    values, maps = p.predicted.copy(), list[AffineMap]()
    for part in read_validation_parts(run):
        for seed, predicted in zip(seeds, part.predicted, strict=True):
            rows = (p.fold == part.fold) & (p.seed == seed)
            for k, affine_map in enumerate(_maps(part.truth, predicted)):
                values[rows, k] = affine_map(p.predicted[rows, k])
                maps.append(affine_map)
    return replace(run, predictions=replace(p, predicted=values)), maps


def _maps(truth: np.ndarray, predicted: np.ndarray) -> Iterator[AffineMap]:
    """Yield the map of each rating of one model, from (n, targets) each."""
    for k in range(truth.shape[1]):
        yield concordant(truth[:, k], predicted[:, k])
