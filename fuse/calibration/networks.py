"""Rows of networks after the affine map that baselines have, so that both are equal.

A baseline is fitted by the squared error and then mapped to the mean and deviation of
the validation ratings; a network trains on the CCC. A network's own row after the same
map is found from what each of its models says of its validation part, one line for each
fold, seed and rating. Nothing is trained, and no rating of a test part is looked at.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from data.errors import AffuseError, DamagedFileError
from data.predictions import Run
from data.rows import DAMAGED, number, read_rows
from data.utterance import printable
from fuse.calibration.affine import Line, concordant
from fuse.calibration.parts import of_validation
from fuse.references import FITTED, REFERENCES
from fuse.resolution import has_map
from fuse.units import HISTORY, HISTORY_COLUMNS

DETAIL = "affine map"  # of the row of a network


@dataclass(frozen=True)
class Labelled:
    """A run, and what tells its row from others."""

    run: Run
    detail: str
    group: str = ""  # heading of the rows on the same encoders
    mapped: bool = False  # the row of a network after the map


@dataclass(frozen=True)
class Rows:
    """Runs with those of mapped networks among them."""

    runs: tuple[Labelled, ...]  # a mapped network follows its own run
    lacking: tuple[str, ...] = ()  # networks that cannot be mapped
    damaged: tuple[str, ...] = ()  # sentences


def with_networks(runs: Sequence[Labelled], *, every: bool) -> Rows:
    """Return the runs of one table, with rows of mapped networks.

    Where a baseline is mapped, the network of highest mean validation CCC gets one: the
    choice, like the map, is made on validation parts alone.

    Args:
        runs: of one table
        every: map each network, whether or not a baseline is mapped
    """
    networks = [one for one in runs if one.run.info.design not in REFERENCES]
    wanted = every or any(has_map(one.run.info) for one in runs)
    if not wanted or not networks:
        return Rows(tuple(runs))
    scores: dict[str, float] = {}
    lacking, damaged = [], []
    for one in networks:
        try:
            scores[one.run.info.name] = validation_ccc(one.run.path)
        except FileNotFoundError:
            lacking.append(one.run.info.name)
        except AffuseError as error:
            damaged.append(str(error))
    best = max(scores, key=lambda name: scores[name], default="")
    found = list[Labelled]()
    for one in runs:
        found.append(one)
        if one.run.info.name in (scores if every else [best]):
            try:
                found.append(_labelled(one))
            except FileNotFoundError:
                lacking.append(one.run.info.name)
            except AffuseError as error:
                damaged.append(str(error))
    return Rows(tuple(found), tuple(lacking), tuple(damaged))


def _labelled(one: Labelled) -> Labelled:
    detail = ", ".join(word for word in (one.detail, DETAIL) if word)
    return Labelled(mapped(one.run), detail, one.group, mapped=True)


def validation_ccc(run: Path) -> float:
    """Return the mean validation CCC of the best epochs of all models of a run.

    Args:
        run: folder

    Raises:
        FileNotFoundError: if it has no history
        DamagedFileError: if the history is damaged, or empty
    """
    path = run / HISTORY
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


def mapped(run: Run) -> Run:
    """Return a run whose test predictions went through the map of their model.

    Mapped predictions may leave [-1, 1], and are not clipped.

    Args:
        run: whose models kept what they say of their validation parts

    Raises:
        FileNotFoundError: if one of them did not
        AffuseError: if those predictions are of other utterances, or damaged
    """
    p = run.predictions
    seeds = np.unique(p.seed).tolist()
    found = p.predicted.copy()
    for part in of_validation(run):
        for seed, said in zip(seeds, part.predicted, strict=True):
            here = (p.fold == part.fold) & (p.seed == seed)
            for k, line in enumerate(_lines(part.truth, said)):
                found[here, k] = line(p.predicted[here, k])
    return replace(run, predictions=replace(p, predicted=found))


def _lines(truth: np.ndarray, said: np.ndarray) -> Iterator[Line]:
    """Yield the line of each rating of one model; (n, targets) each."""
    for k in range(truth.shape[1]):
        yield concordant(truth[:, k], said[:, k])


def notes(rows: Rows, names: Sequence[str]) -> Iterator[str]:
    """Yield footnotes on which rows are mapped, and how.

    Args:
        rows: of one table
        names: of the rows, in the same order
    """
    pairs = list(zip(rows.runs, names, strict=True))
    baselines = [(one, n) for one, n in pairs if one.run.info.design in FITTED]
    mapped = [n for one, n in baselines if has_map(one.run.info)]
    networks = [n for one, n in pairs if one.mapped]
    if mapped or networks:
        yield (
            f"Affine map: {', '.join((*mapped, *networks))}; each rating's predictions "
            f"have the mean and deviation of the validation ratings, which is the map "
            f"of highest CCC there. It is learnt on validation parts alone"
        )
        yield from _outside(pairs)
    if raw := [n for one, n in baselines if not has_map(one.run.info)]:
        yield (
            f"No map: {', '.join(raw)}, so the CCC is lower for predictions that vary "
            f"too little (map=affine gives them the map)"
        )
    if networks and mapped:
        yield (
            f"By default {', '.join(networks)} is compared with the best baseline that "
            f"is mapped, and no row is compared with {', '.join(networks)}"
        )
    if rows.lacking:
        yield (
            f"No row with an affine map, because predictions of validation parts are "
            f"not at hand: {', '.join(rows.lacking)}; they lie in the folders of models"
        )


def _outside(pairs: Sequence[tuple[Labelled, str]]) -> Iterator[str]:
    """Say how many mapped predictions leave the scale."""
    mapped = [one.run for one, _ in pairs if one.mapped or has_map(one.run.info)]
    said = [np.abs(run.predictions.predicted) > 1 for run in mapped]
    count = sum(int(each.sum()) for each in said)
    if count:
        total = sum(each.size for each in said)
        yield (
            f"{count:,} of {total:,} mapped predictions lie outside [-1, 1] and are "
            f"scored as they are"
        )
