"""The command `bundle`, on runs whose encoder is a small checkpoint."""

import shutil

import encoded_runs
import hub_server
import numpy as np
import pytest
import safetensors.torch
import torch
from cli_calls import call, error_sentence
from trained_runs import file_contents

from affuse.data.cache import fold_encoders
from affuse.data.runs.bundle_information import read_bundle_info
from affuse.data.runs.finetuning_folder import FinetunedFold
from affuse.extract.inference import public_model
from affuse.extract.inference.model_sources import ModelRequest, open_model
from affuse.fuse.bundles.bundle_reading import read_bundle
from affuse.fuse.bundles.onnx_graph import run_graph
from affuse.fuse.trained.model_folders import projections


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Folders of a run and of its text checkpoint, without a model card."""
    root = tmp_path_factory.mktemp("made")
    checkpoint = encoded_runs.text_checkpoint(root / "encoder")
    return encoded_runs.text_run(root / "runs", checkpoint), checkpoint


@pytest.fixture
def bundle(made, tmp_path):
    """Call `bundle` with the checkpoint of the run and more words."""

    def call_bundle(*words):
        named = ("--text-checkpoint", made[1], "--output", tmp_path / "bundle")
        return call("bundle", made[0], *named, *words)

    return call_bundle


def test_a_bundle_includes_a_checkpoint_whose_licence_is_stated(bundle, tmp_path):
    done = bundle("--licence", "text=mit")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"{tmp_path / 'bundle'}: 1 models, ")
    assert lines[1] == "text: encoder (encoders/text-0; licence mit)"
    assert lines[2].endswith(f"predict {tmp_path / 'bundle'} --text 'I am fine.'")
    names = {path.name for path in file_contents(tmp_path / "bundle" / "encoders")}
    assert names == {"config.json", "model.safetensors", "vocab.txt"}
    again = bundle("--licence", "text=mit")
    assert "it was there already" in again.stdout


def test_a_bundle_predicts_without_its_run_and_its_checkpoint(bundle, made, tmp_path):
    assert bundle("--licence", "mit").exit_code == 0
    moved = shutil.move(tmp_path / "bundle", tmp_path / "elsewhere")
    texts = [None, None], ["good calm strong", "bad"]
    model = public_model.load(moved, threads=1)
    run = public_model.load(made[0], threads=1, text_checkpoint=made[1])
    assert model.predict(*texts).segments == run.predict(*texts).segments
    assert model.facts.scale == (1.0, 5.0)
    (included,) = (tmp_path / "elsewhere" / "encoders").iterdir()
    included.rename(tmp_path / "gone")
    with pytest.raises(ValueError, match="is missing"):
        open_model(ModelRequest(str(moved)))


def test_a_referenced_encoder_is_not_copied(bundle, tmp_path):
    done = bundle("--weights", "reference")
    assert done.exit_code == 0, done.output
    assert "text: encoder (not included; licence unknown)" in done.stdout
    assert not (tmp_path / "bundle" / "encoders").exists()
    (encoder,) = read_bundle_info(tmp_path / "bundle").encoders
    assert (encoder.checkpoint, encoder.folder) == ("encoder", "")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "licence of the text encoder 'encoder' is not known; reference it with"),
        (("--licence", "other"), "'other' of the text encoder 'encoder' is not known"),
    ],
)
def test_a_licence_that_may_forbid_redistribution_is_refused(bundle, words, sentence):
    assert sentence in error_sentence(bundle(*words))


def test_a_licence_of_a_modality_without_an_encoder_is_refused(bundle):
    done = bundle("--licence", "audio=mit")
    assert "'audio' is not encoded here; use text" in error_sentence(done, status=2)


def test_another_checkpoint_is_refused_by_its_digest(made, tmp_path):
    other = shutil.copytree(made[1], tmp_path / "other")
    path = other / "config.json"
    path.write_text(path.read_text().replace('"n_layers": 2', '"n_layers": 1'))
    words = ("--text-checkpoint", other, "--output", tmp_path / "bundle")
    done = call("bundle", made[0], *words)
    assert "which was not found" in error_sentence(done)
    assert not (tmp_path / "bundle").exists()


def test_a_checkpoint_with_a_pickle_is_refused(made, tmp_path):
    other = shutil.copytree(made[1], tmp_path / "other")
    (other / "model.safetensors").rename(other / "elsewhere")
    state = safetensors.torch.load_file(other / "elsewhere")
    torch.save(state, other / "pytorch_model.bin")
    words = ("--text-checkpoint", other, "--output", tmp_path / "b", "--licence", "mit")
    assert "are a pickle, which may hold code" in error_sentence(
        call("bundle", made[0], *words)
    )


def test_a_fine_tuned_encoder_inherits_the_licence_of_its_base(tmp_path):
    fold = tmp_path / "finetuned" / "run" / "fold1"
    checkpoint = encoded_runs.text_checkpoint(fold / "text")
    (fold / FinetunedFold.mark).write_text(
        '{"checkpoints": {"text": {"name": "distilbert-base-uncased"}}}'
    )
    training = fold_encoders.told(checkpoint)
    run = encoded_runs.text_run(tmp_path / "runs", checkpoint, **training)
    words = ("--text-checkpoint", checkpoint, "--output", tmp_path / "bundle")
    done = call("bundle", run, *words)
    assert done.exit_code == 0, done.output
    (encoder,) = read_bundle_info(tmp_path / "bundle").encoders
    assert (encoder.licence, encoder.folder) == ("apache-2.0", "encoders/text-0")
    refused = call("bundle", run, *words[:2], "--output", tmp_path / "b",
                   "--licence", "cc-by-nd-4.0")  # fmt: skip
    assert "is not known to permit redistribution" in error_sentence(refused)


def test_a_folder_that_is_no_run_is_named(tmp_path):
    done = call("bundle", tmp_path / "nowhere", "--output", tmp_path / "bundle")
    assert "is not a run folder" in error_sentence(done)


@pytest.mark.slow
def test_a_graph_is_part_of_the_bundle_and_of_its_card(made, bundle, tmp_path):
    pytest.importorskip("onnxscript", reason="the extra onnx is not installed")
    done = bundle("--weights", "reference", "--onnx")
    assert done.exit_code == 0, done.output
    folder = tmp_path / "bundle"
    assert "`model.onnx` is the part after" in (folder / "README.md").read_text()
    models = read_bundle(folder).models  # whose digests include that of the graph
    (dim,) = (len(p.mean) for p in projections(models.models[0].module).values())
    rows = np.random.default_rng(0).normal(size=(4, dim)).astype(np.float32)
    found = run_graph((folder / "model.onnx").read_bytes(), {"text": rows})
    with torch.inference_mode():
        expected = models.models[0].module({"text": torch.from_numpy(rows)})
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-5, atol=1e-5)


def test_a_bundle_is_pushed_to_the_hub(bundle, tmp_path, monkeypatch):
    with hub_server.serve(monkeypatch, tmp_path / "hub") as hub:
        done = bundle("--weights", "reference", "--push-to-hub", "me/toy")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1].endswith("/me/toy")
    assert "# me/toy" in hub.files["me/toy"]["README.md"].decode()


def test_an_invalid_name_on_the_hub_is_refused_before_anything_is_written(
    bundle, tmp_path
):
    done = bundle("--push-to-hub", "a/b/c")
    assert "'a/b/c' is no name of a repository" in error_sentence(done, status=2)
    assert not (tmp_path / "bundle").exists()


def test_a_bundle_in_another_bundle_is_refused(made, bundle, tmp_path):
    assert bundle("--weights", "reference").exit_code == 0
    outer = tmp_path / "bundle"
    done = call("bundle", made[0], "--output", outer / "deep" / "inner")
    assert f"is inside the bundle {outer}" in error_sentence(done, status=2)
    assert read_bundle(outer)
