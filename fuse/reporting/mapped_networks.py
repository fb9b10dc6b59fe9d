"""Rows of networks after the affine map that baselines have, so that both are equal.

A baseline is fitted by the squared error and then mapped to the mean and deviation of
the validation ratings; a network trains on the CCC. A network's own row after the same
map is found from what each of its models says of its validation part, one line for each
fold, seed and rating. Nothing is trained, and no rating of a test part is looked at.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.runs.run_folder import RunFolder
from affuse.data.runs.run_predictions import Run
from affuse.data.system.csv_tables import DAMAGED, number, read_rows
from affuse.data.terminal import printable
from affuse.fuse.models.trainable.design_registry import trainable
from affuse.fuse.scoring.affine import IDENTITY, AffineMap, concordant
from affuse.fuse.trained.fold_predictions import of_validation
from affuse.fuse.trained.model_files import HISTORY_COLUMNS
from affuse.fuse.training.setting_resolution import has_map

DETAIL = "affine map"  # of the row of a network


@dataclass(frozen=True)
class Labelled:
    """A run, and what tells its row from others."""

    run: Run
    detail: str
    group: str = ""  # heading of the rows on the same encoders
    mapped: bool = False  # the row of a network after the map
    maps: int = 0  # one for each fold, seed and rating
    unmapped: int = 0  # of them, those that change nothing


@dataclass(frozen=True)
class MappedRows:
    """Runs with those of mapped networks among them."""

    runs: tuple[Labelled, ...]  # a mapped network follows its own run
    lacking: tuple[str, ...] = ()  # networks that cannot be mapped
    damaged: tuple[str, ...] = ()  # sentences


def with_networks(runs: Sequence[Labelled], *, every: bool) -> MappedRows:
    """Return the runs of one table, with rows of mapped networks.

    Where a baseline is mapped, the network of highest mean validation CCC on its
    encoders gets one: the choice, like the map, is made on validation parts alone.
    Decisions are not chosen, because some are fitted on validation parts themselves.

    Args:
        runs: of one table
        every: map each network, whether or not a baseline is mapped
    """
    networks = [r for r in runs if not trainable(r.run.info.design).is_baseline]
    if every:
        return _with_rows(runs, {one.run.info.name for one in networks}, [], [])
    groups = {one.group for one in runs if has_map(one.run.info)}
    chosen = set[str]()
    lacking, damaged = list[str](), list[str]()
    for group in sorted(groups):
        candidates = [
            one.run
            for one in networks
            if one.group == group and not trainable(one.run.info.design).bases
        ]
        scores = _scores(candidates, lacking, damaged)
        if scores:
            chosen.add(max(scores, key=lambda name: scores[name]))
    return _with_rows(runs, chosen, lacking, damaged)


def _scores(
    runs: Sequence[Run], lacking: list[str], damaged: list[str]
) -> dict[str, float]:
    """Return the validation CCC of runs by name; others join one of the lists."""
    found = {}
    for run in runs:
        try:
            found[run.info.name] = validation_ccc(run.path)
        except FileNotFoundError:
            lacking.append(run.info.name)
        except AffuseError as error:
            damaged.append(str(error))
    return found


def _with_rows(
    runs: Sequence[Labelled],
    chosen: Collection[str],
    lacking: list[str],
    damaged: list[str],
) -> MappedRows:
    """Return runs, each that is chosen before the same after its map."""
    found = list[Labelled]()
    for one in runs:
        found.append(one)
        if one.run.info.name in chosen:
            try:
                found.append(_labelled(one))
            except FileNotFoundError:
                lacking.append(one.run.info.name)
            except AffuseError as error:
                damaged.append(str(error))
    return MappedRows(tuple(found), tuple(lacking), tuple(damaged))


def _labelled(one: Labelled) -> Labelled:
    detail = ", ".join(word for word in (one.detail, DETAIL) if word)
    run, lines = mapped(one.run)
    unmapped = sum(line == IDENTITY for line in lines)
    return Labelled(run, detail, one.group, True, len(lines), unmapped)


def validation_ccc(run: Path) -> float:
    """Return the mean validation CCC of the best epochs of all models of a run.

    Args:
        run: folder

    Raises:
        FileNotFoundError: if it has no history
        DamagedFileError: if the history is damaged, or empty
    """
    path = RunFolder(run).history
    best: dict[tuple[str, str], float] = {}
    for line, row in read_rows(path, HISTORY_COLUMNS):
        cells = dict(zip(HISTORY_COLUMNS, row, strict=True))
        try:
            score = number(cells["validation_mean"])
        except ValueError as error:
            raise DamagedFileError(
                f"{path}, line {line}: {printable(str(error))}; {DAMAGED}"
            ) from error
        model = cells["fold"], cells["seed"]
        best[model] = max(score, best.get(model, -np.inf))
    if not best:
        raise DamagedFileError(f"{path} shows no epoch; {DAMAGED}")
    return float(np.mean(list(best.values())))


def mapped(run: Run) -> tuple[Run, list[AffineMap]]:
    """Return a run whose test predictions went through the map of their model.

    Mapped predictions may leave [-1, 1], and are not clipped.

    Args:
        run: whose models kept what they say of their validation parts

    Returns:
        the run, and the line of each fold, seed and rating

    Raises:
        FileNotFoundError: if one of them did not
        AffuseError: if those predictions are of other utterances, or damaged
    """
    p = run.predictions
    seeds = np.unique(p.seed).tolist()
    found, lines = p.predicted.copy(), list[AffineMap]()
    for part in of_validation(run):
        for seed, said in zip(seeds, part.predicted, strict=True):
            here = (p.fold == part.fold) & (p.seed == seed)
            for k, line in enumerate(_lines(part.truth, said)):
                found[here, k] = line(p.predicted[here, k])
                lines.append(line)
    return replace(run, predictions=replace(p, predicted=found)), lines


def _lines(truth: np.ndarray, said: np.ndarray) -> Iterator[AffineMap]:
    """Yield the line of each rating of one model; (n, targets) each."""
    for k in range(truth.shape[1]):
        yield concordant(truth[:, k], said[:, k])
