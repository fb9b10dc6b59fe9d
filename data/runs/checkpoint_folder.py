"""Folder of a Hugging Face checkpoint: names of the files that this project uses."""

from dataclasses import dataclass
from pathlib import Path

from affuse.data.system.folder_file import FolderFile


@dataclass(frozen=True)
class CheckpointFolder:
    """Folder of a checkpoint, such as that of an encoder."""

    path: Path

    configuration = FolderFile("config.json")
    weights = FolderFile("model.safetensors")
    index = FolderFile("model.safetensors.index.json")  # of weights in several files
    card = FolderFile("README.md")
