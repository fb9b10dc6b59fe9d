"""What a rule is given: a run as it is planned, or as it was left in its folder."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from data.folds import FoldRow
from data.predictions import PREDICTIONS, Predictions, read_predictions
from data.ratings import normalise
from data.recipe import Recipe
from data.rows import read_rows
from data.runs.info import RunInfo
from data.utterance import Corpus, Utterance
from fuse import units
from fuse.lint._finding import Skipped

CORPUS, CACHE, TRAINED = "corpus", "cache", "trained"  # what a rule may need
ROWS = 2048  # that go through a model at once


@dataclass(frozen=True)
class Stated:
    """Ratings on [-1, 1] as they stand somewhere."""

    where: str
    ids: Sequence[str]
    truth: np.ndarray  # (n, targets)


@dataclass(frozen=True)
class Unit:
    """One trained model of a run, and what it left behind."""

    folder: Path
    fold: str
    seed: int
    module: nn.Module  # in evaluation mode, on the CPU
    epochs: np.ndarray  # (epochs, targets) validation CCC, of history.csv
    predictions: Predictions

    @property
    def name(self) -> str:
        """Fold and seed, in words."""
        return f"fold '{self.fold}', seed {self.seed}"


@dataclass(frozen=True)
class Evidence:
    """Everything that is known of a run, and why the rest is not."""

    info: RunInfo
    rows: tuple[FoldRow, ...]
    recipes: Mapping[str, Mapping[str, Recipe]]  # of each fold, by modality
    missing: Mapping[str, str]  # of CORPUS, CACHE, TRAINED: why it is not at hand
    folder: Path
    corpus: Corpus | None = None
    contents: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    tensors: Stated | None = None  # what is trained on
    load: Callable[[str, Sequence[str]], Mapping[str, Tensor]] | None = None  # of fold

    @cached_property
    def folds(self) -> Mapping[str, Mapping[str, list[FoldRow]]]:
        """{fold: {part: rows}}"""
        found: dict[str, dict[str, list[FoldRow]]] = {}
        for row in self.rows:
            found.setdefault(row.fold, {}).setdefault(row.part, []).append(row)
        return found

    def ids(self, fold: str, part: str) -> list[str]:
        """Of one part of a fold; none if it has none."""
        return [row.id for row in self.folds.get(fold, {}).get(part, [])]

    @cached_property
    def utterances(self) -> Mapping[str, Utterance]:
        """Of the corpus, by id."""
        return {u.id: u for u in self.corpus.utterances} if self.corpus else {}

    @cached_property
    def ratings(self) -> Mapping[str, tuple[float, ...]]:
        """Of the corpus on [-1, 1], by id; found by name, in the order of targets."""
        scale = None if self.corpus is None else self.corpus.scale
        found: dict[str, tuple[float, ...]] = {}
        policy = str(self.info.settings["out_of_range"])
        for id_, utterance in self.utterances.items():
            released = {n: utterance.ratings.get(n) for n in self.info.targets}
            known = {n: v for n, v in released.items() if v is not None}
            if scale is None or len(known) < len(released):
                continue
            if scaled := normalise(known, scale=scale, policy=policy):
                found[id_] = tuple(scaled[name] for name in self.info.targets)
        return found

    def truth(self, ids: Sequence[str]) -> np.ndarray:
        """(len(ids), targets), of the corpus; nan where it has none."""
        unknown = (np.nan,) * len(self.info.targets)
        found = [self.ratings.get(id_, unknown) for id_ in ids]
        return np.array(found, np.float64).reshape(len(ids), len(unknown))

    def features(self, fold: str, ids: Sequence[str]) -> Mapping[str, Tensor]:
        """{modality: (len(ids), dim)}, as cached for a fold.

        Raises:
            Skipped: if an id is not in the cache, which is for another rule to say
        """
        try:
            return self.load(fold, ids) if self.load else {}
        except KeyError as error:
            raise Skipped(f"utterance {error} is not in the cache") from error

    def predict(self, unit: Unit, ids: Sequence[str]) -> np.ndarray:
        """(len(ids), targets), what a model says of cached utterances."""
        blocks = [ids[i : i + ROWS] for i in range(0, len(ids), ROWS)]
        with torch.inference_mode():
            said = [unit.module(self.features(unit.fold, block)) for block in blocks]
        return torch.cat(said).numpy().astype(np.float64)

    @cached_property
    def joined(self) -> Predictions:
        """The table of the whole run."""
        return read_predictions(self.folder / PREDICTIONS, self.info.targets)

    def units(self) -> Iterator[Unit]:
        """Every finished model, one in memory at a time."""
        for path in finished(self.folder):
            module, description = units.load(path)
            history = read_rows(path / units.HISTORY, units.HISTORY_COLUMNS)
            names = [f"validation_{name}" for name in self.info.targets]
            places = [units.HISTORY_COLUMNS.index(name) for name in names]
            yield Unit(
                folder=path,
                fold=path.parent.name,
                seed=description.seed,
                module=module,
                epochs=np.array(
                    [[float(row[k]) for k in places] for _, row in history]
                ),
                predictions=read_predictions(path / PREDICTIONS, self.info.targets),
            )


def finished(run: Path) -> list[Path]:
    """Folders of the models of a run that are whole."""
    return sorted(path.parent for path in run.glob(f"*/seed-*/{PREDICTIONS}"))
