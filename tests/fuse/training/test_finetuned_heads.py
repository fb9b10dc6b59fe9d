"""Jointly trained heads of a fine-tuning: used without training, or refused."""

import json
import re
import shutil
from dataclasses import replace

import pytest
import torch
import tunable_checkpoints
from cli_calls import call, error_sentence
from finetuning_sizes import QUICK, SMALL
from small_caches import remove_from_manifests
from trained_runs import file_contents

from affuse.data.runs.run_folder import ModelFolder
from affuse.data.runs.run_predictions import read_run
from affuse.data.system.csv_tables import read_rows
from affuse.extract.finetune import joint_system
from affuse.fuse.inputs.tensors import Rows
from affuse.fuse.settings import END_TO_END, Settings
from affuse.fuse.trained import model_files
from affuse.fuse.training.fitting import fit

FOLDS = ("session1", "session2", "session3")
TAKEN = ("--set", f"training={END_TO_END}")


def extract(root, path, *words, cache="cache"):
    """What stage one makes of the text with a fold's encoder."""
    corpus = ("manifest", root / "corpus", "--name", "toy", "--scale", 1, 5)
    where = ("--cache", root / cache, "--modality", "text", "--threads", 1)
    done = call("extract", *corpus, *where, "--text-checkpoint", path / "text", *words)
    assert done.exit_code == 0, done.output


@pytest.fixture(scope="module")
def finetuned_root(tmp_path_factory):
    """A corpus, a fine-tuning of all its folds, and their embeddings."""
    root = tmp_path_factory.mktemp("heads")
    tunable_checkpoints.text(root / "text")
    tunable_checkpoints.table(root / "corpus", speech=False)
    words = ["manifest", root / "corpus", "--name", "toy", "--scale", 1, 5]
    words += ["--fusion", "text", "--protocol", "loso", "--threads", 1, "--seed", 3]
    words += ["--text-checkpoint", root / "text", "--output", root / "finetuned"]
    words += [word for change in QUICK for word in ("--set", change)]
    with pytest.MonkeyPatch.context() as patched:
        # the head behind frozen encoders is tested elsewhere: a few epochs do
        patched.setattr(
            joint_system, "probe_settings", lambda _: replace(SMALL, epochs=3)
        )
        done = call("finetune", *words)
    assert done.exit_code == 0, done.output
    for fold in FOLDS:
        extract(root, run(root) / fold)
    return root


def run(root):
    (found,) = (root / "finetuned").iterdir()
    return found


def train(root, *words, cache="cache", runs="runs"):
    where = ("--cache", root / cache, "--runs", root / runs, "--threads", 1)
    own = ("--finetuned", run(root), "--protocol", "loso", "--fusion", "text")
    return call("train", *own, *where, *TAKEN, *words)


def assert_failure(done, sentence):
    """Assert that a command failed with a sentence, without a traceback."""
    assert done.exit_code == 1
    assert "Traceback" not in done.output
    assert re.search(sentence, done.stderr)


def recorded_ccc(root, fold):
    """Return the validation CCC that the fine-tuning recorded for a fold."""
    found = json.loads((run(root) / fold / "finetune.json").read_text())
    return found["validation_ccc"]["fine-tuned"]


def test_a_head_predicts_the_same_as_in_its_fine_tuning(finetuned_root, tmp_path):
    done = train(finetuned_root, "--seeds", 5, runs=tmp_path)
    assert done.exit_code == 0, done.output
    assert "the heads of" in done.output
    (folder,) = tmp_path.iterdir()
    table = read_run(folder).predictions
    assert len(table.id) == 30
    assert set(table.seed) == {3}  # that of the fine-tuning, and no other
    for fold in FOLDS:
        place = model_files.model_folder(folder, fold=fold, seed=3)
        ((_, cells),) = read_rows(
            place / ModelFolder.history, model_files.HISTORY_COLUMNS
        )
        row = dict(zip(model_files.HISTORY_COLUMNS, cells, strict=True))
        for rating in ("valence", "arousal", "dominance"):
            found = float(row[f"validation_{rating}"])
            assert found == pytest.approx(
                recorded_ccc(finetuned_root, fold)[rating], abs=1e-4
            )
    state = file_contents(tmp_path)
    assert train(finetuned_root, runs=tmp_path).exit_code == 0
    assert file_contents(tmp_path) == state
    checked = call("lint", folder, "--cache", finetuned_root / "cache")
    assert checked.exit_code == 0, checked.output
    assert "before the fine-tuning, which no cache holds" in checked.output


def test_embeddings_of_other_layers_are_refused(finetuned_root, tmp_path):
    shutil.copytree(finetuned_root / "finetuned", tmp_path / "finetuned")
    shutil.copytree(finetuned_root / "corpus", tmp_path / "corpus")
    for fold in FOLDS:
        extract(tmp_path, run(tmp_path) / fold, "--layers", "all", cache="all")
        extract(tmp_path, run(tmp_path) / fold, "--layers", "1", cache="first")
    sentence = "not the embeddings that the head was"
    assert_failure(train(tmp_path, cache="first"), sentence)
    wide = train(tmp_path, cache="all")  # It takes the mean of the last layer.
    assert wide.exit_code == 0, wide.output


def test_a_damaged_head_is_reported_in_a_sentence(finetuned_root, tmp_path):
    shutil.copytree(finetuned_root, tmp_path / "copy")
    head = run(tmp_path / "copy") / "session2" / "head"
    (head / "model.safetensors").write_bytes(b"")
    remove_from_manifests(head / "model.safetensors")
    sentence = "text, fold session2, seed 3: .* holds no head of the design 'text'"
    assert_failure(train(tmp_path / "copy"), sentence)
    assert (tmp_path / "copy" / "runs").is_dir()  # what could be done is done


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--fusion", "audio"), "the heads of .* are of the design 'text'"),
        (("--match-parameters", 5000), "without --match-parameters"),
    ],
)
def test_options_that_would_change_a_head_are_refused(
    finetuned_root, tmp_path, words, sentence
):
    assert re.search(
        sentence, error_sentence(train(finetuned_root, *words, runs=tmp_path), status=2)
    )


def test_end_to_end_without_a_fine_tuning_is_refused(finetuned_root, tmp_path):
    where = (
        "--cache",
        finetuned_root / "cache",
        "--protocol",
        "loso",
        "--fusion",
        "text",
    )
    done = call("train", *where, *TAKEN, "--runs", tmp_path)
    assert re.search(
        "name a fine-tuning: --finetuned finetuned/RUN", error_sentence(done, status=2)
    )


def test_fit_all_refuses_end_to_end_training():
    rows = Rows({"text": torch.randn(40, 4)}, torch.rand(40, 3))
    with pytest.raises(ValueError, match="choose joint or pretrain here"):
        fit(rows, rows, fusion="text", settings=Settings(training=END_TO_END), seed=0)
