"""A failed training is reported wherever its figures are shown."""

import dataclasses
import json
import math

import numpy as np
import pytest
from estimator_models import example_data, model
from fusion_calls import caches, call
from fusion_calls import train as command
from learnable_corpus import embeddings
from report_runs import info_of, runs, save, text_of
from swept_runs import run_sweep
from trained_runs import train_run

from affuse.data.runs.run_predictions import Predictions, read_run, write_predictions
from affuse.fuse.commands.calibrate_command import calibrate
from affuse.fuse.commands.report_command import collect, render
from affuse.fuse.reporting.table_records import bounds, is_known
from affuse.fuse.robustness.ablation import ablate
from affuse.fuse.scoring.failed_training import (
    count_diverged,
    failures,
    is_far_outside,
    is_nearly_constant,
    limits,
)
from affuse.fuse.scoring.failure_notes import (
    UnratedSummary,
    sentences,
    unrated_sentences,
)
from affuse.fuse.scoring.intervals import Interval

TARGETS = ("valence", "arousal", "dominance")
WILD = {"learning_rate": 1.0, "optimizer": "adam", "reduce": "none", "epochs": 2}
SET = [f"{name}={value}" for name, value in WILD.items()]

__all__ = ["caches", "example_data", "runs"]  # fixtures


def predictions(*, models=2, n=20, change=lambda seed, said: said):
    """Of models that know the truth, each of which a test may change."""
    truth = np.random.default_rng(0).uniform(-1, 1, (n, 3))
    return Predictions(
        id=np.tile([f"u{i}" for i in range(n)], models),
        fold=np.repeat("a", n * models),
        seed=np.repeat(np.arange(models), n),
        truth=np.tile(truth, (models, 1)),
        predicted=np.concatenate([change(seed, 0.9 * truth) for seed in range(models)]),
    )


def planted(run, change):
    """Change what a run predicts, in its table and in those of its models."""
    found = read_run(run)
    changed = dataclasses.replace(
        found.predictions, predicted=change(found.predictions.predicted.copy())
    )
    write_predictions(run / "predictions.csv", changed, found.info)
    (run / "SHA256SUMS").unlink(missing_ok=True)


def wild(said):
    said[0, 0] = -36613
    return said


def flat(said):
    said[:, 1] = 0.25
    return said


# what is far, and what is constant


def test_far_outside_depends_on_the_scale_and_the_ratings():
    truth = np.array([-1.0, 0.5])
    said = np.array([-3.0, 3.0, 3.01, -3.01])
    assert is_far_outside(said, truth).tolist() == [False, False, True, True]
    kept = np.array([-1.0, 1.5])  # a rating outside the scale that was kept
    assert limits(kept) == (-3.5, 4.0)
    assert is_far_outside(
        np.array([5.0]), np.array([0.0, 10.0]), scale=None
    ).tolist() == [False]


def test_constant_predictions_vary_less_than_1_percent_of_the_ratings():
    truth = np.linspace(-1, 1, 101)[:, None] * [1, 1, 0]
    said = truth * [0.009, 0.011, 0] + 0.3
    assert is_nearly_constant(said, truth).tolist() == [True, False, False]


def test_clean_predictions_are_no_failures():
    found = predictions()
    assert failures(found, TARGETS) == ()
    assert count_diverged(found) == 0
    assert list(sentences(found, TARGETS)) == []
    nothing = dataclasses.replace(
        found,
        **{f.name: getattr(found, f.name)[:0] for f in dataclasses.fields(found)},
    )
    assert failures(nothing, TARGETS) == ()
    assert count_diverged(nothing) == 0


def test_models_are_counted_and_the_farthest_prediction_is_named():
    def change(seed, said):
        return wild(said) if seed == 1 else flat(said)

    found = predictions(models=3, change=change)
    assert count_diverged(found) == 1
    (wide, is_wide), (same, is_divergence) = sentences(found, TARGETS)
    assert (is_wide, is_divergence) == (True, False)
    assert wide.startswith("1 of 3 models predicts far outside the scale, valence in 1")
    assert "the farthest -36,613 (fold 'a', seed 1)" in wide
    assert same.startswith("2 of 3 models predict (nearly) the same value")
    assert "arousal:" in same


def test_predictions_without_ratings_are_compared_with_the_scale():
    said = np.random.default_rng(0).uniform(-1, 1, (4, 10, 3))
    assert list(unrated_sentences(said, TARGETS)) == []
    said[1, 2:4, 0] = 9
    said[:2, :, 2] = 0.1
    wide, same = unrated_sentences(said, TARGETS)
    assert wide.startswith("1 of 4 models predicts below -3 or above 3")
    assert "for 2 utterances, the farthest 9;" in wide
    assert same.endswith("for all 10 utterances: dominance in 2 models")
    assert not any("same value" in s for s in unrated_sentences(said[:, :9], TARGETS))


@pytest.mark.parametrize("offset", [0.0, 9.0, 1e7])
def test_a_summary_of_chunks_equals_that_of_all_predictions(offset):
    said = np.random.default_rng(0).uniform(-1, 1, (4, 25, 3)) + offset
    said[:2, :, 2] = offset + 0.1
    summary = UnratedSummary()
    for chunk in np.split(said, [3, 4, 20], axis=1):
        summary.add(chunk)
    assert list(summary.sentences(TARGETS)) == list(unrated_sentences(said, TARGETS))
    assert any("dominance in 2 models" in s for s in summary.sentences(TARGETS))


# where it is said


def test_train_ends_with_status_one_and_names_the_farthest_prediction(tmp_path, caches):
    words = [word for pair in SET for word in ("--set", pair)]
    done = command(tmp_path, "--fusion", "text", *words, "--set", "weight_decay=0")
    assert done.exit_code == 1, done.output
    assert "divergence: FAILS" in done.stderr
    assert "far outside the scale" in done.stderr
    (folder,) = tmp_path.iterdir()
    assert count_diverged(read_run(folder).predictions)
    shown = call("report", "--runs", tmp_path)
    assert "Diverged: text: 1 of 1 model predicts far outside" in shown.output
    assert "Leak: " not in shown.output


def test_an_allowed_divergence_is_reported(tmp_path, caches, caplog):
    words = [word for pair in SET for word in ("--set", pair)]
    done = command(tmp_path, "--fusion", "text", *words, "--allow", "divergence")
    assert done.exit_code == 0, done.output
    assert "far outside the scale" in caplog.text


def test_train_names_models_that_predict_a_constant(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("affuse.fuse.scoring.failed_training.CONSTANT_SHARE", 100.0)
    folder = train_run(tmp_path)
    assert f"{folder}: 1 of 1 model predicts (nearly) the same value" in caplog.text
    facts = json.loads((folder / "lint.json").read_text(encoding="utf-8"))
    assert facts["divergence"]["status"] == "note"


@pytest.mark.parametrize("format", ["text", "markdown", "json", "latex"])
def test_the_report_names_the_row(runs, format):
    planted(runs / info_of("late").name, wild)
    planted(runs / info_of("text").name, flat)
    found = " ".join(render(collect(runs), format).split())
    assert "Diverged: late: 1 of 2 models predicts far outside" in found
    assert "Note: text: 2 of 2 models predict (nearly) the same value" in found


def test_an_interval_never_has_zero_width(runs):
    planted(runs / info_of("late").name, flat)
    (table,) = collect(runs)
    row = next(row for row in table.rows if row.design == "late")
    assert not is_known(row.sections["all"].ratings["arousal"])
    shown = text_of(runs)
    assert "[.00, .00]" not in shown
    words = " ".join(shown.split())
    assert "An interval is left out where it would have no width, in late: " in words
    content = json.loads(render([table], "json"))["tables"][0]["rows"]
    found = next(row for row in content if row["design"] == "late")
    assert found["sections"]["all"]["ccc"]["arousal"]["low"] is None
    assert "no width" not in text_of(runs, design=["early", "text", "audio"])


def test_a_table_of_nothing_but_constants_gives_the_reason(tmp_path):
    save(tmp_path, info_of("early", corpus="toy"))
    planted(tmp_path / info_of("early").name, lambda said: np.full_like(said, 0.25))
    shown = " ".join(text_of(tmp_path).split())
    assert "has only one" not in shown
    assert "An interval is left out where it would have no width, in early" in shown


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (0.7301, 0.7304, "[.7301, .7304]"),
        (0.731, 0.734, "[.731, .734]"),
        (0.5, 0.5, ""),
        (0.5, 0.50005, ""),
        (math.nan, math.nan, ""),
    ],
)
def test_bounds_show_a_width_or_nothing(low, high, shown):
    assert bounds(Interval(0.7, low, high)) == shown


def test_predict_warns_of_failed_models(tmp_path, caches, caplog):
    command(tmp_path, "--fusion", "text")
    (folder,) = tmp_path.iterdir()
    for cache in caches.values():
        cache.values[7] *= 1e6
    done = call("predict", folder, "--threads", 1)
    assert done.exit_code == 0, done.output
    assert "1 of 1 model predicts below -3 or above 3" in caplog.text
    assert "for 1 utterance, the farthest" in caplog.text


def test_calibrate_and_ablate_name_failures_of_their_run(tmp_path):
    folder = train_run(tmp_path, seeds=[0, 1])
    planted(folder, wild)
    said = " ".join(calibrate(folder, level=0.9, by="auto").split())
    assert "On the test part, 1 of 2 models predicts far outside the scale" in said
    lines = list(ablate(folder, embeddings()).lines())
    assert any("1 of 2 models predicts far outside" in line for line in lines)


def test_a_sweep_ranks_divergence_to_finite_numbers_last(tmp_path, monkeypatch):
    grid = ["learning_rate=0.02,1.0", "reduce=none", "optimizer=adam"]
    folder = run_sweep(tmp_path, grid=[*grid, "epochs=2"])
    rows = (folder / "ranking.csv").read_text(encoding="utf-8").splitlines()
    assert rows[1].startswith("1,0.02,")
    assert "are predicted far outside the scale" in rows[2]


def test_a_regressor_warns_of_a_constant(example_data, monkeypatch):
    x, y, _ = example_data
    monkeypatch.setattr("affuse.fuse.scoring.failed_training.CONSTANT_SHARE", 100.0)
    with pytest.warns(UserWarning, match=r"target 0, 1, 2 is predicted as \(nearly\)"):
        model(epochs=1).fit(x, y)


def test_a_few_predictions_just_outside_are_a_note_and_no_failure():
    def change(seed, said):
        said[:2, 0] = 3.2
        return said

    found = predictions(models=2, n=20, change=change)
    ((words, is_divergence),) = sentences(found, TARGETS)
    assert not is_divergence
    assert "these utterances may be unlike those trained on" in words
    assert count_diverged(found) == 0


def test_many_predictions_just_outside_are_a_failure():
    def change(seed, said):
        said[:3, 0] = 3.2
        return said

    assert count_diverged(predictions(models=2, n=200, change=change)) == 2
    assert count_diverged(predictions(models=2, n=400, change=change)) == 0  # below 1 %
