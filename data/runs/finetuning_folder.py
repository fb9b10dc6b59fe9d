"""The folder of a fine-tuning and those of its folds: names of all their files."""

from dataclasses import dataclass
from pathlib import Path

from affuse.data.runs.run_folder import ModelFolder, RunFolder
from affuse.data.system.folder_file import FolderFile


@dataclass(frozen=True)
class HeadFolder:
    """The folder of a head that was trained together with the encoders of a fold."""

    path: Path

    weights = FolderFile(ModelFolder.weights)
    settings = FolderFile(RunFolder.settings)


@dataclass(frozen=True)
class FinetunedFold:
    """The folder of a finished fold; its encoders lie in it under their modalities."""

    path: Path

    mark = FolderFile("finetune.json")  # a folder that has it is a finished fold
    utterances = FolderFile("utterances.csv")
    log = FolderFile("log.csv")
    tensorboard = FolderFile("tensorboard")  # a folder

    @property
    def head(self) -> HeadFolder:
        """Return the folder of the head."""
        return HeadFolder(self.path / "head")


@dataclass(frozen=True)
class UnfinishedFold:
    """The folder of the training of a fold until it is finished."""

    path: Path

    identity = FolderFile("identity.json")
    log = FolderFile(FinetunedFold.log)
    tensorboard = FolderFile("runs")  # a folder, as the Trainer names it
    finished = FolderFile("finished")  # a folder, which becomes that of the fold

    def states(self) -> list[Path]:
        """Return the state of the Trainer after each epoch, sorted by path."""
        folders = self.path.glob("checkpoint-*")
        return sorted(folder / "trainer_state.json" for folder in folders)


@dataclass(frozen=True)
class FinetuningFolder:
    """The folder of a fine-tuning, with a folder for each fold.

    Example:
        >>> FinetuningFolder(Path("finetuned/toy")).fold("fold1").mark.as_posix()
        'finetuned/toy/fold1/finetune.json'
    """

    path: Path

    def fold(self, name: str) -> FinetunedFold:
        """Return the folder of a fold, whether it is there or not."""
        return FinetunedFold(self.path / name)

    def finished(self) -> list[FinetunedFold]:
        """Return the folders of the finished folds, sorted."""
        marks = sorted(self.path.glob(f"*/{FinetunedFold.mark}"))
        return [FinetunedFold(mark.parent) for mark in marks]

    def work(self, name: str) -> UnfinishedFold:
        """Return the folder of the training of a fold until it is finished."""
        return UnfinishedFold(self.path / f".{name}.work")

    def lock(self, name: str) -> Path:
        """Return the lock of the process that trains a fold."""
        return self.path / f".{name}.lock"
