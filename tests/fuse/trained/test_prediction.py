import dataclasses
from pathlib import Path

import numpy as np
import pytest
from learnable_corpus import COUNT, embeddings, reorder_rows
from trained_runs import train_run

from affuse.data.runs.run_predictions import read_run
from affuse.fuse.trained.prediction import predict


def recipes_changed(caches, **changes):
    return {
        m: dataclasses.replace(c, recipe=dataclasses.replace(c.recipe, **changes))
        for m, c in caches.items()
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    runs = tmp_path_factory.mktemp("runs")
    return train_run(runs, "early", seeds=[0, 1])


@pytest.mark.parametrize("fusion", ["early", "ridge", "zeroshot"])
def test_new_recordings_get_the_mean_over_models(tmp_path, fusion):
    folder = train_run(tmp_path, fusion, seeds=[0, 1])
    written = read_run(folder).predictions
    applied = predict(folder, embeddings())
    assert applied.models == len(set(written.seed))
    assert applied.targets == ("valence", "arousal", "dominance")
    assert applied.mean.shape == applied.std.shape == (COUNT, 3)
    place = {id_: row for row, id_ in enumerate(applied.ids)}
    rows = [place[id_] for id_ in sorted(set(written.id))]
    by_seed = [written.predicted[written.seed == s] for s in sorted(set(written.seed))]
    # the same models on all rows at once: float32 sums in another order
    np.testing.assert_allclose(applied.mean[rows], np.mean(by_seed, 0), atol=1e-5)
    np.testing.assert_allclose(applied.std[rows], np.std(by_seed, 0), atol=1e-5)


def test_models_of_all_folds_predict(tmp_path):
    folder = train_run(tmp_path, "text", protocol="loso", epochs=1)
    assert predict(folder, embeddings()).models == 5


def test_another_corpus_with_the_same_recipe_is_accepted(run):
    found = recipes_changed(embeddings(), corpus="mine", content="f" * 12)
    found = {m: reorder_rows(c, [5, 3]) for m, c in found.items()}
    applied = predict(run, found)
    assert applied.ids == ("u003", "u005")
    expected = predict(run, embeddings()).mean[[3, 5]]
    np.testing.assert_allclose(applied.mean, expected, atol=1e-5)


def test_utterances_that_lack_a_modality_are_left_out(run):
    caches = embeddings()
    caches["text"] = reorder_rows(caches["text"], range(7, COUNT))
    applied = predict(run, caches)
    assert applied.ids[0] == "u007"
    assert (applied.left_out, applied.partial) == ({"no text embedding": 7}, {})


@pytest.mark.parametrize(
    ("fusion", "changes"), [("early", {"modality_dropout": 0.3}), ("experts", {})]
)
def test_a_robust_run_predicts_utterances_that_lack_a_modality(
    tmp_path, fusion, changes
):
    folder = train_run(tmp_path, fusion, seeds=[0, 1], **changes)
    whole = predict(folder, embeddings())
    assert (whole.left_out, whole.partial) == ({}, {})
    caches = embeddings()
    caches["text"] = reorder_rows(caches["text"], range(COUNT - 1, 6, -1))
    caches["audio"] = reorder_rows(caches["audio"], range(COUNT - 5))
    found = predict(folder, caches)
    assert found.ids == whole.ids
    assert found.partial == {"audio": 7, "text": 5}
    np.testing.assert_allclose(found.mean[7:-5], whole.mean[7:-5], atol=1e-5)
    # nothing else than either modality alone says of them
    for rows, modality in ((slice(7), "audio"), (slice(-5, None), "text")):
        alone = predict(folder, {modality: embeddings()[modality]})
        assert alone.partial == {modality: COUNT}
        np.testing.assert_allclose(found.mean[rows], alone.mean[rows], atol=1e-5)
        assert np.abs(alone.mean[rows] - whole.mean[rows]).max() > 0.01


def test_a_robust_run_needs_at_least_one_modality(tmp_path):
    folder = train_run(tmp_path, "experts", epochs=1)
    with pytest.raises(ValueError, match="needs audio embeddings"):
        predict(folder, {})


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"pooling": "mean+std"}, r"pooling='mean\+std', not 'mean'"),
        ({"weights": "1"}, "weights='1', not '0'"),
        ({"revision": "abc"}, "revision='abc', not ''"),
    ],
)
def test_embeddings_of_another_recipe_are_refused(run, changes, difference):
    found = recipes_changed(embeddings(), **changes)
    sentence = f"audio embeddings were extracted with {difference}, which toy-early"
    with pytest.raises(ValueError, match=sentence):
        predict(run, found)


def test_a_missing_modality_is_named(run):
    with pytest.raises(
        ValueError, match="needs text embeddings, and there is only aud"
    ) as error:
        predict(run, {"audio": embeddings()["audio"]})
    ways = "a run of audio, of experts, or of a design trained with --set modality_drop"
    assert ways in str(error.value)


def test_caches_without_common_utterances_are_refused(run):
    caches = embeddings()
    found = {
        "audio": reorder_rows(caches["audio"], range(10)),
        "text": reorder_rows(caches["text"], range(10, 15)),
    }
    with pytest.raises(
        ValueError, match="embeddings 10 of audio, 5 of text, and no id"
    ):
        predict(run, found)


def test_a_folder_without_models_is_no_run():
    with pytest.raises(
        FileNotFoundError, match="nowhere not found; name the folder of a run"
    ):
        predict(Path("nowhere"), embeddings())
