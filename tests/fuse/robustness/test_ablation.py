import dataclasses

import numpy as np
import pytest
from learnable_corpus import COUNT, embeddings, reorder_rows
from trained_runs import train_run

from affuse.data.runs.run_predictions import read_run
from affuse.fuse.robustness.ablation import ablate
from affuse.fuse.scoring.metrics import ccc

LEARNT = {"epochs": 60, "dropout": 0.0, "seeds": [0, 1]}


def noisy():
    """Embeddings whose text says nothing of the ratings."""
    caches = embeddings()
    shape = caches["text"].values.shape
    noise = np.random.default_rng(5).normal(size=shape).astype(np.float32)
    return {**caches, "text": dataclasses.replace(caches["text"], values=noise)}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Trained where speech says everything, and text nothing."""
    runs = tmp_path_factory.mktemp("runs")
    return train_run(runs, caches=noisy(), modality_dropout=0.3, **LEARNT)


def test_the_ccc_with_all_modalities_equals_the_report(run):
    found = ablate(run, noisy())
    written = read_run(run).predictions
    expected = [
        np.mean(
            [
                ccc(written.truth[rows, k], written.predicted[rows, k])
                for rows in (written.seed == seed for seed in (0, 1))
            ]
        )
        for k in range(3)
    ]
    assert found.figures["audio and text"] == pytest.approx(expected, abs=1e-5)
    assert (found.folds, found.seeds, found.robust) == (1, 2, True)


def test_only_the_informative_modality_changes_the_ccc(run):
    mean = {name: np.mean(v) for name, v in ablate(run, noisy()).figures.items()}
    assert list(mean) == [
        "audio and text",
        "audio only",
        "text only",
        "audio permuted",
        "text permuted",
    ]
    whole = mean["audio and text"]
    assert whole > 0.8
    assert abs(mean["audio only"] - whole) < 0.1
    assert abs(mean["text permuted"] - whole) < 0.1
    # of 60 test utterances, chance has a deviation of about .13 a rating
    assert abs(mean["text only"]) < 0.3
    assert abs(mean["audio permuted"]) < 0.3


def test_the_seed_determines_the_permutations(run):
    first, again, other = (ablate(run, noisy(), seed=s) for s in (0, 0, 1))
    assert first.figures == again.figures
    name = "audio permuted"
    assert first.figures[name] != other.figures[name]
    assert first.figures["audio only"] == other.figures["audio only"]


def test_the_table_explains_its_rows(run):
    lines = list(ablate(run, noisy(), seed=7).lines())
    assert lines[0] == f"{run.name}: test CCC, mean over 1 fold and 2 seeds"
    assert lines[1].split() == ["V", "A", "D", "mean", "change"]
    assert len(lines[2].split()) == 3 + 4  # nothing to compare the first row with
    assert len(lines[3].split()) == 2 + 5
    assert lines[-1].endswith("mean of 10 permutations, seed 7")


def test_the_table_notes_models_without_modality_dropout(tmp_path):
    folder = train_run(tmp_path, "ridge")
    found = ablate(folder, embeddings())
    assert not found.robust
    assert "train with --set modality_dropout" in list(found.lines())[-1]
    # ridge is linear: without a modality, its weights on the other remain
    assert 0.3 < np.mean(found.figures["audio only"]) < 1


def test_a_run_of_a_single_modality_is_refused(tmp_path):
    folder = train_run(tmp_path, "text", epochs=1)
    with pytest.raises(ValueError, match="takes text alone, so there is nothing to"):
        ablate(folder, embeddings())


def test_a_cache_that_lacks_utterances_is_refused(run):
    caches = noisy()
    caches["text"] = reorder_rows(caches["text"], range(7, COUNT))
    # u000 to u006, but u003, which validates
    with pytest.raises(ValueError, match="6 utterances that the text cache lacks, suc"):
        ablate(run, caches)
    with pytest.raises(ValueError, match="needs text embeddings"):
        ablate(run, {"audio": caches["audio"]})
