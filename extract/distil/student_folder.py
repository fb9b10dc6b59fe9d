"""The folder of a student that is distilled, or begun: names of its files."""

from dataclasses import dataclass
from pathlib import Path

from affuse.data.runs.checkpoint_folder import CheckpointFolder
from affuse.data.runs.run_folder import ModelFolder
from affuse.data.system.folder_file import FolderFile


@dataclass(frozen=True)
class StudentFolder:
    """The folder of a student, which is a checkpoint too once its weights are there."""

    path: Path

    weights = FolderFile(CheckpointFolder.weights)
    settings = FolderFile("distil.json")
    history = FolderFile(ModelFolder.history)
    unfinished = FolderFile("training.pt")  # state of a training that is not finished
    lock = FolderFile(".distil.lock")
