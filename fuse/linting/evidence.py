"""Evidence on a run that the linter's rules examine: plan, folder, corpus and cache.

It is gathered in `affuse.fuse.linting.gathering`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from affuse.data.cache.recipe import Recipe
from affuse.data.cache.recording_spans import RecordingSpan
from affuse.data.errors import DamagedFileError
from affuse.data.name_spellings import unify
from affuse.data.rating_scales import POLICIES, normalise
from affuse.data.records import Corpus, Utterance
from affuse.data.runs.fold_table import FoldRow
from affuse.data.runs.run_folder import ModelFolder, RunFolder
from affuse.data.runs.run_information import RunInfo
from affuse.data.runs.run_predictions import Predictions, read_predictions
from affuse.data.system.csv_tables import DAMAGED, parse_number, read_rows
from affuse.data.terminal import printable
from affuse.fuse.linting.finding import Skipped
from affuse.fuse.settings import Settings
from affuse.fuse.trained import model_files
from affuse.fuse.trained.model_folders import demand_widths, finished_models, seed

CORPUS, CACHE, TRAINED = "corpus", "cache", "trained"  # sources that a rule may need
BATCH_ROWS = 2048  # rows of a batch through a model
MEMORY_LIMIT = 2**26  # largest total size in bytes of the models kept in memory


@dataclass(frozen=True)
class TrueRatings:
    """Ratings on [-1, 1] in one table or tensor."""

    where: str  # name of the table or tensor
    ids: Sequence[str]
    truth: np.ndarray  # (n, targets)


@dataclass(frozen=True)
class TrainedModel:
    """Trained model of a run with its history and its predictions."""

    folder: Path
    fold: str
    seed: int
    module: nn.Module  # in evaluation mode, on the CPU
    epochs: np.ndarray  # (epochs, targets) validation CCC from history.csv
    predictions: Predictions

    @property
    def name(self) -> str:
        """Fold and seed in words."""
        return f"fold '{self.fold}', seed {self.seed}"


@dataclass(frozen=True)
class Evidence:
    """Files of a run, its corpus and its cache, and reasons for what is missing."""

    info: RunInfo
    rows: tuple[FoldRow, ...]
    recipes: Mapping[str, Mapping[str, Recipe]]  # fold -> modality -> recipe
    missing: Mapping[str, str]  # CORPUS, CACHE or TRAINED -> reason why it is missing
    folder: Path
    corpus: Corpus | None = None
    contents: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    stretches: Mapping[str, RecordingSpan] = field(
        default_factory=dict
    )  # of recordings
    tensors: TrueRatings | None = None  # ratings in the training tensors
    load: Callable[[str, Sequence[str]], Mapping[str, Tensor]] | None = None  # of fold

    @cached_property
    def folds(self) -> Mapping[str, Mapping[str, list[FoldRow]]]:
        """Rows by fold and part: {fold: {part: rows}}."""
        folds: dict[str, dict[str, list[FoldRow]]] = {}
        for row in self.rows:
            folds.setdefault(row.fold, {}).setdefault(row.part, []).append(row)
        return folds

    def ids(self, fold: str, part: str) -> list[str]:
        """Return the ids of one part of a fold; empty if there is no such part.

        Args:
            fold: its name
            part: train, validation or test
        """
        return [row.id for row in self.folds.get(fold, {}).get(part, [])]

    @cached_property
    def utterances(self) -> Mapping[str, Utterance]:
        """Utterances of the corpus by id, with unified spellings of their names."""
        return {u.id: u for u in unify(self.corpus.utterances)} if self.corpus else {}

    @cached_property
    def ratings(self) -> Mapping[str, tuple[float, ...]]:
        """Ratings of the corpus on [-1, 1] by id, in the order of targets."""
        scale = None if self.corpus is None else self.corpus.scale
        ratings: dict[str, tuple[float, ...]] = {}
        policy = str(self.info.settings.get("out_of_range", Settings.out_of_range))
        if policy not in POLICIES:
            raise DamagedFileError(
                f"{RunFolder(self.folder).info} is damaged: "
                f"out_of_range={policy[:40]!r} is not one of {', '.join(POLICIES)}; "
                f"train again"
            )
        for id_, utterance in self.utterances.items():
            released = {n: utterance.ratings.get(n) for n in self.info.targets}
            values = {n: v for n, v in released.items() if v is not None}
            if scale is None or len(values) < len(released):
                continue
            if scaled := normalise(values, scale=scale, policy=policy):
                ratings[id_] = tuple(scaled[name] for name in self.info.targets)
        return ratings

    def truth(self, ids: Sequence[str]) -> np.ndarray:
        """Return (len(ids), targets) ratings of the corpus; NaN where it has none."""
        unknown = (np.nan,) * len(self.info.targets)
        rows = [self.ratings.get(id_, unknown) for id_ in ids]
        return np.array(rows, np.float64).reshape(len(ids), len(unknown))

    def features(self, fold: str, ids: Sequence[str]) -> Mapping[str, Tensor]:
        """Return the cached embeddings of a fold: {modality: (len(ids), dim)}.

        Raises:
            Skipped: if an id is not in the cache, which the rule `ids` reports
        """
        try:
            return self.load(fold, ids) if self.load else {}
        except KeyError as error:
            raise Skipped(f"utterance {error} is not in the cache") from error

    def predict(self, model: TrainedModel, ids: Sequence[str]) -> np.ndarray:
        """Return (len(ids), targets) predictions of a model for cached utterances.

        Raises:
            Skipped: as `features`
            DamagedFileError: if the model takes embeddings of other sizes
        """
        predicted = [np.zeros((0, len(self.info.targets)))]
        for i in range(0, len(ids), BATCH_ROWS):
            features = self.features(model.fold, ids[i : i + BATCH_ROWS])
            demand_widths(model.module, features, model.folder)
            with torch.inference_mode():
                predicted.append(model.module(features).double().numpy())
        return np.concatenate(predicted)

    @cached_property
    def joined(self) -> Predictions:
        """Table of the run with the predictions of all models."""
        return read_predictions(RunFolder(self.folder).predictions, self.info.targets)

    def trained_models(self) -> Iterator[TrainedModel]:
        """Yield every finished model; keep at most `MEMORY_LIMIT` bytes in memory.

        Other models are read again whenever a rule needs them.

        Raises:
            AffuseError: if a model cannot be read, or is of another run
        """
        for path in finished_models(self.folder):
            if path in self._kept:
                yield self._kept[path]
                continue
            model = self._load_model(path)
            if sum(map(_size, (*self._kept, path))) <= MEMORY_LIMIT:
                self._kept[path] = model
            yield model

    @cached_property
    def _kept(self) -> dict[Path, TrainedModel]:
        """Models in memory by folder."""
        return {}

    def _load_model(self, path: Path) -> TrainedModel:
        """Return a finished model, or raise AffuseError."""
        module, description = model_files.load(path)
        where = (path.parent.name, seed(path))
        if (description.fold, description.seed) != where:
            raise DamagedFileError(
                f"{path} holds the model of fold '{description.fold}', seed "
                f"{description.seed}; remove it and train again"
            )
        if not self.ids(description.fold, "train"):
            raise DamagedFileError(
                f"{path} is of fold '{description.fold}', which has no training rows "
                f"in {RunFolder.folds}; remove it and train again"
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
    """Return the validation CCC of each epoch: (epochs, targets)."""
    places = [
        model_files.HISTORY_COLUMNS.index(f"validation_{name}") for name in targets
    ]
    scores = list[list[float]]()
    for line, row in read_rows(path, model_files.HISTORY_COLUMNS):
        try:
            scores.append([parse_number(row[place]) for place in places])
        except ValueError as error:
            raise DamagedFileError(
                f"{path}, line {line}: {printable(str(error))}; {DAMAGED}"
            ) from error
    return np.array(scores).reshape(len(scores), len(places))
