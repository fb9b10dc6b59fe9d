import numpy as np
import pytest
import torch
from learnable_corpus import COUNT, embeddings, reorder_rows
from trained_runs import train_run

from affuse.fuse.inputs.fold_embeddings import ALL_FOLDS
from affuse.fuse.trained.model_codes import encode
from affuse.fuse.trained.prediction import load_run


@pytest.fixture(scope="module")
def early(tmp_path_factory):
    runs = tmp_path_factory.mktemp("runs")
    return load_run(train_run(runs, "early", seeds=(0, 1), epochs=1, layers="all"))


def test_codes_of_all_models_and_modalities_are_concatenated(early):
    codes = encode(early, {ALL_FOLDS: embeddings()})
    assert codes.ids == tuple(f"u{row:03d}" for row in range(COUNT))
    assert codes.values.shape == (COUNT, 2 * 2 * 8)  # models, modalities, latent
    text = embeddings()["text"]
    system = early.models[1].module
    rows = torch.from_numpy(text.values[:, 0].astype(np.float32))
    audio = embeddings()["audio"].values.reshape(COUNT, -1)
    features = {"text": rows, "audio": torch.from_numpy(audio.astype(np.float32))}
    with torch.inference_mode():
        expected = system.encode(system.project(features))
    joined = torch.cat([expected[m] for m in early.modalities], dim=1)
    np.testing.assert_allclose(codes.values[:, 16:], joined, atol=1e-6)


def test_utterances_that_lack_a_modality_have_no_codes(early):
    caches = embeddings()
    caches["text"] = reorder_rows(caches["text"], range(4, COUNT))
    codes = encode(early, {ALL_FOLDS: caches})
    assert codes.ids[0] == "u004"
    aligned = codes.aligned(("u005", "u003", "u004"))
    np.testing.assert_array_equal(aligned[[0, 2]], codes.values[[1, 0]])
    assert np.isnan(aligned[1]).all()


@pytest.mark.parametrize(
    ("fusion", "changes", "size"),
    [
        ("ridge", {}, 0),
        ("latemean", {"layers": "all"}, 2 * 8),
        ("text", {"layers": "weighted"}, 3 * 8),
        ("text", {"layers": "all", "reduce": "pca"}, 7),
    ],
)
def test_the_size_of_the_codes_follows_the_design(tmp_path, fusion, changes, size):
    models = load_run(train_run(tmp_path, fusion, epochs=1, **changes))
    codes = encode(models, {ALL_FOLDS: embeddings()})
    assert codes.values.shape == (COUNT, size)
    assert codes.aligned(["none"]).shape == (1, size)
