"""The folder of a run and those of its trained models: names of all their files.

Nothing is read here; what a file holds stands in the module that writes it.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from affuse.data.runs.checkpoint_folder import CheckpointFolder
from affuse.data.system.digests import MANIFEST
from affuse.data.system.folder_file import FolderFile

SEED = re.compile(r"seed-(0|[1-9][0-9]{0,17})")
SEEDS = "seed-*"  # pattern of the folders of the models of a fold


@dataclass(frozen=True)
class ModelFolder:
    """The folder of one trained model, of one fold and seed, in its run.

    Example:
        >>> ModelFolder.weights
        'model.safetensors'
        >>> ModelFolder(Path("runs/toy/fold1/seed-0")).weights.as_posix()
        'runs/toy/fold1/seed-0/model.safetensors'
    """

    path: Path

    weights = FolderFile(CheckpointFolder.weights)
    description = FolderFile("model.json")
    history = FolderFile("history.csv")
    pretraining = FolderFile("pretraining.csv")
    layers = FolderFile("layers.csv")
    validation = FolderFile("validation.csv")
    predictions = FolderFile("predictions.csv")
    manifest = FolderFile(MANIFEST)

    @classmethod
    def files(cls) -> tuple[str, ...]:
        """Return the names of the files that the manifest of a model lists."""
        about = (cls.weights, cls.description, cls.history, cls.pretraining, cls.layers)
        return (*about, cls.validation, cls.predictions)

    @property
    def fold(self) -> str:
        """Return the name of the fold, which is that of the folder above."""
        return self.path.parent.name

    @property
    def seed(self) -> int | None:
        """Return the seed that the name of the folder states; None for another name."""
        stated = SEED.fullmatch(self.path.name)
        return int(stated[1]) if stated else None

    @property
    def lock(self) -> Path:
        """Return the lock of the process that writes the model."""
        return self.path.with_name(f".{self.path.name}.lock")


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run.

    Example:
        >>> RunFolder(Path("runs/toy")).model("fold1", 2).path.as_posix()
        'runs/toy/fold1/seed-2'
    """

    path: Path

    info = FolderFile("run.json")
    settings = FolderFile("settings.toml")
    folds = FolderFile("folds.csv")
    sentences = FolderFile("sentences.csv")
    alignment = FolderFile("alignment.json")
    leaks = FolderFile("lint.json")
    failures = FolderFile("failed.txt")
    history = FolderFile(ModelFolder.history)
    predictions = FolderFile(ModelFolder.predictions)
    calibration = FolderFile("calibration.json")
    rejection = FolderFile("rejection.csv")
    rejection_chart = FolderFile("rejection.svg")
    manifest = FolderFile(MANIFEST)

    @classmethod
    def below(cls, runs: Path, *files: str) -> list[Self]:
        """Return the folders in `runs` that hold one of certain files, sorted.

        Args:
            runs: folder of run folders
            files: names, such as `RunFolder.info`
        """
        marks = (path for name in files for path in runs.glob(f"*/{name}"))
        return [cls(path) for path in sorted({mark.parent for mark in marks})]

    def model(self, fold: str, seed: int) -> ModelFolder:
        """Return the folder of the model of a fold and a seed."""
        return ModelFolder(self.path / fold / f"seed-{seed}")

    def models(self, *, fold: str = "", file: str = "") -> list[ModelFolder]:
        """Return the folders of models that are there, sorted.

        Args:
            fold: name of a fold; ``""`` for all
            file: name of a file that each must hold; ``""`` for any folder, or link
        """
        folds = [self.path / fold] if fold else self.path.glob("*/")
        if file:
            marks = (path for each in folds for path in each.glob(f"{SEEDS}/{file}"))
            return [ModelFolder(path) for path in sorted(mark.parent for mark in marks)]
        there = (path for each in folds for path in each.glob(SEEDS))
        return [ModelFolder(path) for path in sorted(there)]
