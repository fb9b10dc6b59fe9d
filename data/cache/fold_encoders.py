"""Encoders that were fine-tuned for one fold, and how their embeddings are told apart.

``<run>/<fold>/finetune.json`` marks a fold; beside it lie its encoders, ``audio`` and
``text``, checkpoints like any other. What is encoded with one keeps run, fold and a
digest of the files of the weights in its recipe, so that the embeddings of a fold are
found without loading a model, and are never those of another fold, seed or run.
"""

import hashlib
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

from affuse.data.cache import training_data
from affuse.data.cache.recipe import Recipe
from affuse.data.cache.training_data import Seen
from affuse.data.errors import AffuseError
from affuse.data.modality import modality_names
from affuse.data.runs.checkpoint_folder import CheckpointFolder
from affuse.data.runs.finetuning_folder import FinetunedFold, FinetuningFolder
from affuse.data.system import digests

KEY = "finetuned"  # in the training of a recipe
WEIGHTS = ("*.safetensors", "*.bin")


def told(folder: Path) -> dict[str, Any]:
    """Return what a recipe keeps of a checkpoint's folder; {} if no fold has it."""
    fold = folder.resolve().parent
    if not FinetunedFold(fold).mark.is_file():
        return {}
    return {KEY: {"run": fold.parent.name, "fold": fold.name, "files": _digest(folder)}}


def _digest(folder: Path) -> str:
    """Sixteen hexadecimal digits of the files of the weights."""
    found = hashlib.sha256()
    for path in sorted(path for glob in WEIGHTS for path in folder.glob(glob)):
        found.update(bytes.fromhex(digests.digest(path)))
    return found.hexdigest()[:16]


def origin(recipe: Recipe) -> Mapping[str, Any]:
    """Return the run and fold of a fine-tuned encoder; {} if it was not fine-tuned."""
    found = recipe.training.get(KEY)
    return found if isinstance(found, Mapping) else {}


def records(recipe: Recipe) -> tuple[Seen, ...]:
    """Return the records of what an encoder has seen that `finetune` wrote itself.

    It writes its own record in front of those of the checkpoint that it began with,
    which may be records of `finetune` too, of the checkpoint's card, or its user's.

    Raises:
        AffuseError: if the records of the recipe are none
    """
    if not origin(recipe):
        return ()
    own = training_data.parse(recipe.training.get(training_data.KEY, []))
    cards = {record for each in training_data.KNOWN.values() for record in each}
    before = takewhile(
        lambda r: r.how == training_data.TUNED and r not in cards, own[1:]
    )
    return (*own[:1], *before)


def name(recipe: Recipe) -> str:
    """Return the checkpoint of a recipe, with run and fold if it was fine-tuned."""
    own = origin(recipe)
    whole = (own.get("run"), own.get("fold"), recipe.checkpoint)
    return "/".join(map(str, whole)) if own else recipe.checkpoint


def folds(run: Path) -> dict[str, dict[str, Path]]:
    """Return the encoders of every finished fold: {fold: {modality: folder}}.

    Raises:
        FileNotFoundError: if there is none
        AffuseError: if a fold lacks a modality that others have
    """
    found = {
        fold.path.name: {
            m: fold.path / m
            for m in modality_names()
            if CheckpointFolder(fold.path / m).configuration.is_file()
        }
        for fold in FinetuningFolder(run).finished()
    }
    if not any(found.values()):
        raise FileNotFoundError(
            f"{run} holds no fine-tuned fold, which is a folder with "
            f"{FinetunedFold.mark} and a checkpoint, audio or text; name the folder "
            f"that finetune made"
        )
    everything = {m for encoders in found.values() for m in encoders}
    for fold, encoders in found.items():
        if lacking := sorted(everything - encoders.keys()):
            raise AffuseError(
                f"{run / fold} has no {lacking[0]} encoder, but other folds do; remove "
                f"it and fine-tune this fold again"
            )
    return found
