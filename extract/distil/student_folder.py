"""File names in the folder of a student, whether its training has finished or not."""

from dataclasses import dataclass
from pathlib import Path

from affuse.data.runs.checkpoint_folder import CheckpointFolder
from affuse.data.runs.run_folder import ModelFolder
from affuse.data.system.folder_file import FolderFile


@dataclass(frozen=True)
class StudentFolder:
    """Folder of a student; it is also a checkpoint as soon as it has weights."""

    path: Path

    weights = FolderFile(CheckpointFolder.weights)
    settings = FolderFile("distil.json")
    history = FolderFile(ModelFolder.history)
    unfinished = FolderFile("training.pt")  # state of an unfinished training
    lock = FolderFile(".distil.lock")
