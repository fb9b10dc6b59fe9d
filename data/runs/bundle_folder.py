"""Folder of a bundle, which holds a trained model to use elsewhere: names of its files.

This module reads no file. The module that writes a file documents its content.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from affuse.data.errors import OptionError
from affuse.data.runs.checkpoint_folder import CheckpointFolder
from affuse.data.runs.run_folder import SEED, ModelFolder, RunFolder
from affuse.data.system.digests import MANIFEST
from affuse.data.system.folder_file import FolderFile

MODEL = re.compile(rf"models/(?:0|[1-9][0-9]{{0,8}})/{SEED.pattern}")
ENCODER = re.compile(r"encoders/[a-z0-9_]{1,100}-(?:0|[1-9][0-9]{0,8})")
# Files of a checkpoint; none of these formats can hold code.
ENCODER_FILE = re.compile(
    r"[A-Za-z0-9][\w.-]{0,200}\.(?:json|txt|model|safetensors)|README\.md|LICENSE[\w.-]*"
)

ADVICE = "copy or download the bundle again, or use the version that wrote it"


@dataclass(frozen=True)
class BundleFolder:
    """Folder of one bundle.

    Examples:
        >>> BundleFolder(Path("mine")).model(0, 2).path.as_posix()
        'mine/models/0/seed-2'
        >>> BundleFolder.encoder_name("audio", 1)
        'encoders/audio-1'
    """

    path: Path

    info = FolderFile("bundle.json")
    calibration = FolderFile(RunFolder.calibration)
    adaptation = FolderFile("adaptation.json")  # to ratings of a user
    card = FolderFile(CheckpointFolder.card)
    licence = FolderFile("LICENSE")
    graph = FolderFile("model.onnx")
    manifest = FolderFile(MANIFEST)

    @property
    def is_bundle(self) -> bool:
        """True if the folder holds the description of a bundle."""
        return self.info.is_file()

    @classmethod
    def model_name(cls, fold: int, seed: int) -> str:
        """Return the name of the folder of a model, relative to the bundle.

        Args:
            fold: number of the fold, which stands for its name
            seed: of the model
        """
        return f"models/{fold}/seed-{seed}"

    @classmethod
    def encoder_name(cls, modality: str, number: int) -> str:
        """Return the name of the folder of an encoder, relative to the bundle.

        Args:
            modality: name of a file in data/modalities
            number: of the encoder among those of its modality
        """
        return f"encoders/{modality}-{number}"

    def model(self, fold: int, seed: int) -> ModelFolder:
        """Return the folder of the model of a fold and a seed, even if missing."""
        return ModelFolder(self.path / self.model_name(fold, seed))

    @classmethod
    def allows(cls, name: str) -> bool:
        """Return True if a bundle may hold a file with this name.

        Absolute names, names with ``..`` and files that may hold code are not allowed.

        Args:
            name: relative to the bundle, with ``/`` between folders

        Examples:
            >>> BundleFolder.allows("encoders/text-0/tokenizer.json")
            True
            >>> BundleFolder.allows("encoders/text-0/../../../run.json")
            False
            >>> BundleFolder.allows("encoders/text-0/pytorch_model.bin")
            False
        """
        folder, _, file = name.rpartition("/")
        if MODEL.fullmatch(folder):
            return file in (ModelFolder.weights, ModelFolder.description)
        if ENCODER.fullmatch(folder):
            return bool(ENCODER_FILE.fullmatch(file))
        texts = (cls.info, cls.calibration, cls.adaptation, cls.card, cls.licence)
        return name in (*texts, cls.graph)


def is_bundle(path: Path) -> bool:
    """Return True if a path is the folder of a bundle, which may be damaged.

    Args:
        path: any path
    """
    return BundleFolder(path).is_bundle


def demand_outside_bundles(output: Path) -> None:
    """Raise an error if a new folder would be part of a bundle and so damage it.

    Args:
        output: of the new folder

    Raises:
        OptionError: naming the bundle
    """
    for folder in Path(os.path.abspath(output)).parents:
        if is_bundle(folder):
            raise OptionError(
                f"--output {output} is inside the bundle {folder}, which could not be "
                f"used any more; name a folder outside it"
            )


def model_advice(folder: Path) -> str:
    """Return the remedy for a damaged model, the last clause of an error.

    Args:
        folder: of the model, in a run or in a bundle
    """
    if is_bundle(folder.parent.parent.parent):
        return ADVICE
    return "train again into another folder of runs"
