"""A small bundle: its calibrated run has names that no file of the bundle may hold."""

import dataclasses
import json
from pathlib import Path

import learnable_corpus
from trained_runs import train_run

from affuse.data.cache import fold_encoders, training_data
from affuse.data.runs.run_predictions import read_run
from affuse.fuse.bundles.bundle_writing import (
    BundleContent,
    EncoderFiles,
    write_bundle,
)
from affuse.fuse.bundles.run_models import load_run_models
from affuse.fuse.calibration import calibration_file, calibration_fitting
from affuse.fuse.calibration import calibration_scores as scores
from affuse.fuse.trained.fold_predictions import (
    read_validation_parts,
    select_test_parts,
)

COUNT = 60  # utterances
SAMPLE = "0123456789ab"  # digest of an input
NAMES = ("Zenobia", "Studio", "Palaver", SAMPLE, "u001", "f00df00d")  # of the corpus
CARD = b"# A bundle for tests\n"


def corpus():
    """Return a corpus of five sessions, with names that are found easily."""
    plain = learnable_corpus.corpus(count=COUNT)
    named = tuple(
        dataclasses.replace(
            u,
            speaker=f"Zenobia{u.speaker}",
            session=f"Studio{u.session}",
            dialogue=f"Palaver{u.dialogue}",
        )
        for u in plain.utterances
    )
    return dataclasses.replace(plain, utterances=named)


def embeddings():
    """Return embeddings of encoders whose records name speakers, inputs and a fold."""
    record = {
        "corpus": "elsewhere",
        "speakers": ["Zenobia1F"],
        "how": training_data.TUNED,
        "sample": [SAMPLE],
    }
    training = {
        training_data.KEY: [record],
        fold_encoders.KEY: {"run": "x", "fold": "Studio1", "files": "f00df00d"},
    }
    found = {}
    for modality, plain in learnable_corpus.embeddings(count=COUNT).items():
        more = {"training": training} if modality == "text" else {}
        recipe = dataclasses.replace(plain.recipe, content="f00df00d", **more)
        found[modality] = dataclasses.replace(plain, recipe=recipe)
    return found


def calibrated_run(runs):
    """Train two seeds of the five folds of `corpus`, and calibrate them."""
    folder = train_run(
        runs,
        found=corpus(),
        caches=embeddings(),
        seeds=(0, 1),
        protocol="loso",
        epochs=1,
    )
    run = read_run(folder)
    record = calibration_fitting.fit(
        read_validation_parts(run),
        targets=run.info.targets,
        seeds=(0, 1),
        level=0.5,
        by="utterance",
    )
    applied = scores.apply(select_test_parts(run), record)
    calibration_file.write(folder, record, scores.measure(applied, record))
    return folder


def checkpoint_files(folder):
    """Write the files of a checkpoint, which are only copied; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    seen = json.dumps([{"corpus": "elsewhere", "speakers": ["Zenobia1F"]}])
    contents = {
        "config.json": b'{"model_type": "toy"}',
        "model.safetensors": b"weights",
        training_data.FILE: seen.encode(),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return tuple(folder / name for name in contents)


def content(run: Path, checkpoint: Path):
    """Return the content of a bundle with a text encoder; audio is referenced."""
    source = load_run_models(run)
    encoders = tuple(
        EncoderFiles(recipe, "apache-2.0", checkpoint_files(checkpoint))
        if recipe.modality == "text"
        else EncoderFiles(recipe)
        for recipe in source.encoders
    )
    return BundleContent(source, encoders, {"README.md": CARD})


def make(folder: Path):
    """Return the folders of a calibrated run and of its bundle, in a new folder."""
    run = calibrated_run(folder / "runs")
    write_bundle(folder / "bundle", content(run, folder / "checkpoint"))
    return run, folder / "bundle"
