"""The folder of a Hugging Face checkpoint: names of files that we read or name."""

from dataclasses import dataclass
from pathlib import Path

from affuse.data.system.folder_file import FolderFile


@dataclass(frozen=True)
class CheckpointFolder:
    """The folder of a checkpoint, of an encoder for instance."""

    path: Path

    configuration = FolderFile("config.json")
    weights = FolderFile("model.safetensors")
    index = FolderFile("model.safetensors.index.json")  # of weights in several files
