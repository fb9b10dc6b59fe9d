"""Simulated fold-specific encoders: their folders and their embeddings."""

import dataclasses
import json

import learnable_corpus
import numpy as np
import planted_leaks

from affuse.data.cache import corpus_table, fold_encoders, training_data
from affuse.data.runs.finetuning_folder import FinetunedFold
from affuse.data.splits import protocols

COUNT = 60  # five sessions of twelve
NAME = "toy-early-loso-12345678"
FOLDS = [f"session{k}" for k in range(1, 6)]
MODALITIES = ("audio", "text")


def corpus():
    return learnable_corpus.corpus(count=COUNT)


def folds():
    """Return the folds of the protocol loso by name."""
    return {f.name: f for f in protocols.folds(corpus().utterances, "loso")}


def speakers(fold):
    """Return the speakers on which an encoder of the fold is trained."""
    known = {u.id: u.speaker for u in corpus().utterances}
    return sorted({known[id_] for id_ in (*fold.train, *fold.validation)})


def checkpoint(folder, weights, heard, name="toy"):
    """Write the files of a checkpoint that stage two reads; `weights` are any bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text("{}", encoding="utf-8")
    (folder / "model.safetensors").write_bytes(weights)
    record = {"corpus": name, "speakers": heard, "how": "fine-tuned on its ratings"}
    (folder / training_data.FILE).write_text(json.dumps([record]), encoding="utf-8")
    return folder


def fine_tune(root, modalities=MODALITIES, **heard):
    """Write the folder of a fine-tuning; `heard` gives a fold other speakers."""
    for fold in folds().values():
        known = heard.get(fold.name, speakers(fold))
        for modality in modalities:
            weights = f"{fold.name} {modality}".encode()
            checkpoint(root / NAME / fold.name / modality, weights, known)
        (root / NAME / fold.name / FinetunedFold.mark).write_text(
            "{}", encoding="utf-8"
        )
    return root / NAME


def training(folder):
    """Return the training record that stage one copies into a recipe."""
    return {**training_data.read(folder), **fold_encoders.told(folder)}


def embeddings(run, fold, values=None, **changes):
    """Return the fold-specific embeddings of the corpus. They differ between folds.

    Args:
        values: fold whose values they have; None for this fold
        changes: changed entries of the recipe
    """
    rng = np.random.default_rng(FOLDS.index(values or fold))
    found = {}
    for modality, plain in learnable_corpus.embeddings(count=COUNT).items():
        path = run / fold / modality
        turned = (
            plain.values
            @ np.linalg.qr(rng.normal(size=(plain.values.shape[-1],) * 2))[0]
        )
        own = {"training": training(path), "weights": fold, "checkpoint": modality}
        recipe = {**own, **changes} if path.is_dir() else changes
        found[modality] = dataclasses.replace(
            plain,
            recipe=dataclasses.replace(plain.recipe, **recipe),
            values=turned.astype(np.float32) if path.is_dir() else plain.values,
        )
    return found


def write_caches(
    cache, run, swapped=(), modalities=MODALITIES, wanted=FOLDS, **changes
):
    """Write caches of all folds as stage one does; two folds may be exchanged."""
    corpus_table.save(corpus(), cache)
    other = {**dict(zip(swapped, reversed(swapped), strict=True))}
    for fold in wanted:
        made = embeddings(run, fold, other.get(fold), **changes)
        for modality in modalities:
            planted_leaks.write_part(cache, made[modality])
    return cache
