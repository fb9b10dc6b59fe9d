"""Folders of a run and of its trained models: names of all their files.

This module reads no file. The module that writes a file documents its content.
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
CORPUS_TESTS = "tests"  # folder with a folder for each test corpus; never a fold


@dataclass(frozen=True)
class ModelFolder:
    """Folder of one trained model, that is, of one fold and one seed.

    Examples:
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
        """Return the names of the files that the manifest of a model may list."""
        about = (cls.weights, cls.description, cls.history, cls.pretraining, cls.layers)
        return (*about, cls.validation, cls.predictions)

    @property
    def fold(self) -> str:
        """Name of the fold, which is that of the parent folder."""
        return self.path.parent.name

    @property
    def seed(self) -> int | None:
        """Seed in the name of the folder; None if the name has another form."""
        match = SEED.fullmatch(self.path.name)
        return int(match[1]) if match else None

    @property
    def lock(self) -> Path:
        """Path of the lock that a process holds while it writes the model."""
        return self.path.with_name(f".{self.path.name}.lock")


def is_model(name: str) -> bool:
    """Return True if a name in the manifest of a run is that of a model's manifest.

    Examples:
        >>> is_model("fold1/seed-2/SHA256SUMS"), is_model("tests/other/SHA256SUMS")
        (True, False)
        >>> is_model("folds.csv")
        False
    """
    return "/" in name and not name.startswith(f"{CORPUS_TESTS}/")


@dataclass(frozen=True)
class CorpusTestFolder:
    """Folder of the predictions of a run for one test corpus.

    Examples:
        >>> RunFolder(Path("runs/toy")).corpus_test("other").facts.as_posix()
        'runs/toy/tests/other/test.json'
    """

    path: Path

    facts = FolderFile("test.json")
    utterances = FolderFile("folds.csv")
    predictions = FolderFile(ModelFolder.predictions)
    manifest = FolderFile(MANIFEST)

    @classmethod
    def files(cls) -> tuple[str, ...]:
        """Return the names of the files that the manifest of a test lists."""
        return (cls.facts, cls.utterances, cls.predictions)


@dataclass(frozen=True)
class RunFolder:
    """Folder of one run.

    Examples:
        >>> RunFolder(Path("runs/toy")).model("fold1", 2).path.as_posix()
        'runs/toy/fold1/seed-2'
    """

    path: Path

    info = FolderFile("run.json")
    settings = FolderFile("settings.toml")
    folds = FolderFile("folds.csv")
    sentences = FolderFile("sentences.csv")
    raters = FolderFile("raters.csv")
    alignment = FolderFile("alignment.json")
    leaks = FolderFile("lint.json")
    failures = FolderFile("failed.txt")
    history = FolderFile(ModelFolder.history)
    predictions = FolderFile(ModelFolder.predictions)
    calibration = FolderFile("calibration.json")
    rejection = FolderFile("rejection.csv")
    rejection_chart = FolderFile("rejection.svg")
    robustness = FolderFile("robustness.json")
    work = FolderFile("work.jsonl")
    manifest = FolderFile(MANIFEST)

    @classmethod
    def find(cls, runs: Path, *files: str) -> list[Self]:
        """Return the folders in `runs` that hold at least one of some files, sorted.

        Args:
            runs: folder of run folders
            files: names, such as `RunFolder.info`
        """
        marks = (path for name in files for path in runs.glob(f"*/{name}"))
        return [cls(path) for path in sorted({mark.parent for mark in marks})]

    def model(self, fold: str, seed: int) -> ModelFolder:
        """Return the folder of the model of a fold and a seed, even if missing."""
        return ModelFolder(self.path / fold / f"seed-{seed}")

    def models(self, *, fold: str = "", file: str = "") -> list[ModelFolder]:
        """Return the existing folders of models, sorted.

        Args:
            fold: name of a fold; ``""`` for all
            file: name of a file that each folder must hold; ``""`` for any folder or
                link
        """
        folds = [self.path / fold] if fold else self._folds()
        if file:
            marks = (path for each in folds for path in each.glob(f"{SEEDS}/{file}"))
            return [ModelFolder(path) for path in sorted(mark.parent for mark in marks)]
        paths = (path for each in folds for path in each.glob(SEEDS))
        return [ModelFolder(path) for path in sorted(paths)]

    def _folds(self) -> list[Path]:
        """Return the folders that may be those of folds."""
        return [path for path in self.path.glob("*/") if path.name != CORPUS_TESTS]

    def corpus_test(self, corpus: str) -> CorpusTestFolder:
        """Return the folder of the predictions for a test corpus, even if missing."""
        return CorpusTestFolder(self.path / CORPUS_TESTS / corpus)

    def corpus_tests(self) -> list[CorpusTestFolder]:
        """Return the folders that hold predictions for a test corpus, sorted."""
        marks = (self.path / CORPUS_TESTS).glob(f"*/{CorpusTestFolder.facts}")
        return [CorpusTestFolder(path) for path in sorted(m.parent for m in marks)]
