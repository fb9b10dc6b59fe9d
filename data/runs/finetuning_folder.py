"""Folders of a fine-tuning and of its folds: names of all their files."""

from dataclasses import dataclass
from pathlib import Path

from affuse.data.runs.run_folder import ModelFolder, RunFolder
from affuse.data.system.folder_file import FolderFile


@dataclass(frozen=True)
class HeadFolder:
    """Folder of a head that was jointly trained with the encoders of a fold."""

    path: Path

    weights = FolderFile(ModelFolder.weights)
    settings = FolderFile(RunFolder.settings)


@dataclass(frozen=True)
class FinetunedFold:
    """Folder of a finished fold, with a folder for the encoder of each modality."""

    path: Path

    mark = FolderFile("finetune.json")  # which only the folder of a finished fold has
    utterances = FolderFile("utterances.csv")
    log = FolderFile("log.csv")
    tensorboard = FolderFile("tensorboard")  # a folder

    @property
    def head(self) -> HeadFolder:
        """Folder of the jointly trained head."""
        return HeadFolder(self.path / "head")


@dataclass(frozen=True)
class UnfinishedFold:
    """Working folder of a fold until its training is finished."""

    path: Path

    identity = FolderFile("identity.json")
    log = FolderFile(FinetunedFold.log)
    tensorboard = FolderFile("runs")  # a folder, as the Trainer names it
    finished = FolderFile("finished")  # a folder that is renamed to that of the fold

    def states(self) -> list[Path]:
        """Return the files with the Trainer's state after each epoch, sorted."""
        folders = self.path.glob("checkpoint-*")
        return sorted(folder / "trainer_state.json" for folder in folders)


@dataclass(frozen=True)
class FinetuningFolder:
    """Folder of a fine-tuning, with a folder for each fold.

    Examples:
        >>> FinetuningFolder(Path("finetuned/toy")).fold("fold1").mark.as_posix()
        'finetuned/toy/fold1/finetune.json'
    """

    path: Path

    steps = FolderFile(RunFolder.work)  # log of the commands that worked on folds

    def fold(self, name: str) -> FinetunedFold:
        """Return the folder of a fold, even if it does not exist."""
        return FinetunedFold(self.path / name)

    def finished_folds(self) -> list[FinetunedFold]:
        """Return the folders of the finished folds, sorted."""
        marks = sorted(self.path.glob(f"*/{FinetunedFold.mark}"))
        return [FinetunedFold(mark.parent) for mark in marks]

    def work(self, name: str) -> UnfinishedFold:
        """Return the working folder of a fold, even if it does not exist."""
        return UnfinishedFold(self.path / f".{name}.work")

    def lock(self, name: str) -> Path:
        """Return the path of the lock that a process holds while it trains a fold."""
        return self.path / f".{name}.lock"
