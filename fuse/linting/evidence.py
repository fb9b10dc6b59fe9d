"""What a rule is given: a run as it is planned, or as it was left in its folder."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from affuse.data.cache.recipe import Recipe
from affuse.data.cache.recording_spans import Stretch
from affuse.data.errors import DamagedFileError
from affuse.data.name_spellings import unify
from affuse.data.rating_scales import POLICIES, normalise
from affuse.data.records import Corpus, Utterance
from affuse.data.runs.fold_table import FoldRow
from affuse.data.runs.run_folder import ModelFolder, RunFolder
from affuse.data.runs.run_information import RunInfo
from affuse.data.runs.run_predictions import Predictions, read_predictions
from affuse.data.system.csv_tables import DAMAGED, number, read_rows
from affuse.data.terminal import printable
from affuse.fuse.linting.finding import Skipped
from affuse.fuse.settings import Settings
from affuse.fuse.trained import model_files
from affuse.fuse.trained.model_folders import demand_widths, finished, seed

CORPUS, CACHE, TRAINED = "corpus", "cache", "trained"  # what a rule may need
ROWS = 2048  # that go through a model at once
KEPT = 2**26  # bytes of trained models that stay in memory from rule to rule


@dataclass(frozen=True)
class Stated:
    """Ratings on [-1, 1] as they stand somewhere."""

    where: str
    ids: Sequence[str]
    truth: np.ndarray  # (n, targets)


@dataclass(frozen=True)
class TrainedModel:
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
    stretches: Mapping[str, Stretch] = field(default_factory=dict)  # of recordings
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
        """Of the corpus, by id; each speaker, session and dialogue in one spelling."""
        return {u.id: u for u in unify(self.corpus.utterances)} if self.corpus else {}

    @cached_property
    def ratings(self) -> Mapping[str, tuple[float, ...]]:
        """Of the corpus on [-1, 1], by id; found by name, in the order of targets."""
        scale = None if self.corpus is None else self.corpus.scale
        found: dict[str, tuple[float, ...]] = {}
        policy = str(self.info.settings.get("out_of_range", Settings.out_of_range))
        if policy not in POLICIES:
            raise DamagedFileError(
                f"{RunFolder(self.folder).info} is damaged: "
                f"out_of_range={policy[:40]!r} is not one of {', '.join(POLICIES)}; "
                f"train again"
            )
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

    def predict(self, unit: TrainedModel, ids: Sequence[str]) -> np.ndarray:
        """Return what a model says of cached utterances: (len(ids), targets).

        Raises:
            Skipped: as `features`
            DamagedFileError: if the model takes embeddings of other sizes
        """
        said = [np.zeros((0, len(self.info.targets)))]
        for i in range(0, len(ids), ROWS):
            features = self.features(unit.fold, ids[i : i + ROWS])
            demand_widths(unit.module, features, unit.folder)
            with torch.inference_mode():
                said.append(unit.module(features).double().numpy())
        return np.concatenate(said)

    @cached_property
    def joined(self) -> Predictions:
        """The table of the whole run."""
        return read_predictions(RunFolder(self.folder).predictions, self.info.targets)

    def units(self) -> Iterator[TrainedModel]:
        """Yield every finished model; those beyond `KEPT` are read again each time.

        Raises:
            AffuseError: if a model cannot be read, or is of another run
        """
        for path in finished(self.folder):
            if path in self._kept:
                yield self._kept[path]
                continue
            unit = self._unit(path)
            if sum(map(_size, (*self._kept, path))) <= KEPT:
                self._kept[path] = unit
            yield unit

    @cached_property
    def _kept(self) -> dict[Path, TrainedModel]:
        """Models that were read, by folder, for every rule asks for all of them."""
        return {}

    def _unit(self, path: Path) -> TrainedModel:
        """Read one finished model, or raise AffuseError."""
        module, description = model_files.load(path)
        where = (path.parent.name, seed(path))
        if (description.fold, description.seed) != where:
            raise DamagedFileError(
                f"{path} holds the model of fold '{description.fold}', seed "
                f"{description.seed}; remove it and train again"
            )
        if not self.ids(description.fold, "train"):
            raise DamagedFileError(
                f"{path} is of fold '{description.fold}', of which {RunFolder.folds} "
                f"has no training rows; remove it and train again"
            )
        if description.targets != self.info.targets:
            raise DamagedFileError(
                f"{path} predicts {', '.join(description.targets)}, and its run "
                f"{', '.join(self.info.targets)}; remove it and train again"
            )
        return TrainedModel(
            folder=path,
            fold=path.parent.name,
            seed=description.seed,
            module=module,
            epochs=_epochs(ModelFolder(path).history, self.info.targets),
            predictions=read_predictions(
                ModelFolder(path).predictions, self.info.targets
            ),
        )


def _size(folder: Path) -> int:
    """Return the bytes of all files of a trained model."""
    return sum(file.stat().st_size for file in folder.iterdir())


def _epochs(path: Path, targets: Sequence[str]) -> np.ndarray:
    """Read the validation CCC of each epoch: (epochs, targets)."""
    places = [
        model_files.HISTORY_COLUMNS.index(f"validation_{name}") for name in targets
    ]
    found = list[list[float]]()
    for line, row in read_rows(path, model_files.HISTORY_COLUMNS):
        try:
            found.append([number(row[place]) for place in places])
        except ValueError as error:
            raise DamagedFileError(
                f"{path}, line {line}: {printable(str(error))}; {DAMAGED}"
            ) from error
    return np.array(found).reshape(len(found), len(places))
