"""Encoders that were fine-tuned for one fold, and the recipes of their embeddings.

``<run>/<fold>/finetune.json`` marks the folder of a fold. It also holds a checkpoint
for each modality, such as ``audio``. The recipe of fold-specific embeddings states run,
fold and a digest of the weight files. So they are found without loading a model, and
are not mistaken for those of another fold, seed or run.
"""

import hashlib
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

from affuse.data.cache import training_data
from affuse.data.cache.recipe import Recipe
from affuse.data.cache.training_data import TrainingRecord
from affuse.data.errors import AffuseError
from affuse.data.modality import modality_names
from affuse.data.runs.checkpoint_folder import CheckpointFolder
from affuse.data.runs.finetuning_folder import FinetunedFold, FinetuningFolder
from affuse.data.system import digests

KEY = "finetuned"  # in the training of a recipe
WEIGHTS = ("*.safetensors", "*.bin")


def told(folder: Path) -> dict[str, Any]:
    """Return the entry about fine-tuning in the recipe of a checkpoint.

    Args:
        folder: of the checkpoint

    Returns:
        run, fold and digest under `KEY`; {} if the folder is not in that of a fold
    """
    fold = folder.resolve().parent
    if not FinetunedFold(fold).mark.is_file():
        return {}
    return {KEY: {"run": fold.parent.name, "fold": fold.name, "files": _digest(folder)}}


def _digest(folder: Path) -> str:
    """Return a digest of the weight files: 16 hexadecimal digits."""
    sha256 = hashlib.sha256()
    for path in sorted(path for glob in WEIGHTS for path in folder.glob(glob)):
        sha256.update(bytes.fromhex(digests.digest(path)))
    return sha256.hexdigest()[:16]


def origin(recipe: Recipe) -> Mapping[str, Any]:
    """Return the run and fold of a fine-tuned encoder; {} if it was not fine-tuned."""
    entry = recipe.training.get(KEY)
    return entry if isinstance(entry, Mapping) else {}


def records(recipe: Recipe) -> tuple[TrainingRecord, ...]:
    """Return the records of an encoder's training data that `finetune` wrote.

    `finetune` writes a record before those of the checkpoint that it starts with. Those
    were written by `finetune`, from the checkpoint's card, or by a user.

    Args:
        recipe: of embeddings

    Raises:
        AffuseError: if the recipe holds invalid records
    """
    if not origin(recipe):
        return ()
    entries = training_data.parse(recipe.training.get(training_data.KEY, []))
    cards = {record for each in training_data.KNOWN.values() for record in each}
    previous = takewhile(
        lambda r: r.how == training_data.TUNED and r not in cards, entries[1:]
    )
    return (*entries[:1], *previous)


def name(recipe: Recipe) -> str:
    """Return the checkpoint of a recipe, with run and fold if it was fine-tuned."""
    entry = origin(recipe)
    names = (entry.get("run"), entry.get("fold"), recipe.checkpoint)
    return "/".join(map(str, names)) if entry else recipe.checkpoint


def folds(run: Path) -> dict[str, dict[str, Path]]:
    """Return the encoders of each finished fold.

    Args:
        run: folder of a fine-tuning

    Returns:
        {fold: {modality: folder of the encoder}}

    Raises:
        FileNotFoundError: if there is no finished fold with an encoder
        AffuseError: if a fold lacks a modality that another fold has
    """
    by_fold = {
        fold.path.name: {
            m: fold.path / m
            for m in modality_names()
            if CheckpointFolder(fold.path / m).configuration.is_file()
        }
        for fold in FinetuningFolder(run).finished_folds()
    }
    if not any(by_fold.values()):
        raise FileNotFoundError(
            f"{run} holds no fine-tuned fold, which is a folder with "
            f"{FinetunedFold.mark} and a checkpoint, audio or text; name the folder "
            f"that finetune wrote"
        )
    modalities = {m for encoders in by_fold.values() for m in encoders}
    for fold, encoders in by_fold.items():
        if lacking := sorted(modalities - encoders.keys()):
            raise AffuseError(
                f"{run / fold} has no {lacking[0]} encoder, but other folds do; remove "
                f"it and fine-tune this fold again"
            )
    return by_fold
