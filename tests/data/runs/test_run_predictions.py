import dataclasses
import json

import numpy as np
import pytest

from affuse.data.runs import fold_table
from affuse.data.runs import run_information as runs
from affuse.data.runs import run_predictions as p

INFO = runs.RunInfo(
    name="toy-early-session5-0123abcd",
    design="early",
    corpus="toy",
    nature="synthetic",
    protocol="session5",
    targets=("valence", "dominance"),
    encoders={"text": {"checkpoint": "tiny", "layers": [1], "pooling": "mean"}},
    settings={"hidden": 128, "seeds": [0, 1]},
    label="wide",
    parameters=12,
    versions={"numpy": "2"},
)
FOLDS = (
    fold_table.FoldRow("5", "train", "Ses01_a", "Ses01F", "Ses01_d", False),
    fold_table.FoldRow("5", "validation", "Ses02,b", "Ses02F", "", None),
    fold_table.FoldRow("5", "test", "Ses05_a", "Ses05F", "Ses05_d", True),
    fold_table.FoldRow("5", "test", "Ses05_ä", "Ses05F", "Ses05_d", True),
)


def columns(**changed):
    """Return predictions of two seeds for two test utterances, not in order."""
    rng = np.random.default_rng(0)
    truth = rng.uniform(-1, 1, (2, 2)).astype(np.float32)
    found = {
        "id": np.array(["Ses05_ä", "Ses05_a", "Ses05_a", "Ses05_ä"]),
        "fold": np.array(["5"] * 4),
        "seed": np.array([1, 1, 0, 0]),
        "truth": truth[[1, 0, 0, 1]],
        "predicted": rng.uniform(-1, 1, (4, 2)).astype(np.float32),
    }
    return p.Predictions(**{**found, **changed})


@pytest.fixture
def folder(tmp_path):
    found = tmp_path / INFO.name
    runs.write_info(found, INFO)
    fold_table.write_folds(found, FOLDS)
    p.write_predictions(found / "predictions.csv", columns(), INFO)
    return found


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_run_is_read_as_it_was_written(folder):
    run = p.read_run(folder)
    assert (run.info, run.folds, run.path) == (INFO, FOLDS, folder)
    order = [2, 3, 1, 0]  # by fold, seed and id
    written = columns()
    assert run.predictions.id.tolist() == written.id[order].tolist()
    assert run.predictions.seed.tolist() == [0, 0, 1, 1]
    # nine significant digits: float32 comes back to the bit
    for name in ("truth", "predicted"):
        found = getattr(run.predictions, name).astype(np.float32)
        np.testing.assert_array_equal(found, getattr(written, name)[order])


def test_predictions_csv_has_the_documented_columns(folder):
    lines = (folder / "predictions.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == (
        "id,design,protocol,fold,seed,valence,arousal,dominance,"
        "valence_predicted,arousal_predicted,dominance_predicted"
    )
    cells = lines[1].split(",")
    assert cells[:5] == ["Ses05_a", "early", "session5", "5", "0"]
    assert (cells[6], cells[9]) == ("", "")  # the corpus has no arousal
    folds = (folder / "folds.csv").read_text(encoding="utf-8").splitlines()
    assert folds[0] == "fold,part,id,speaker,dialogue,scripted"
    assert folds[1:4] == [
        "5,train,Ses01_a,Ses01F,Ses01_d,0",
        '5,validation,"Ses02,b",Ses02F,,',
        "5,test,Ses05_a,Ses05F,Ses05_d,1",
    ]


def test_sex_and_session_are_written_if_any_is_known(folder):
    rows = [
        dataclasses.replace(FOLDS[0], sex="F", session="1"),
        dataclasses.replace(FOLDS[1], sex="M"),
        *FOLDS[2:],
    ]
    fold_table.write_folds(folder, rows)
    header = (folder / "folds.csv").read_text(encoding="utf-8").splitlines()[0]
    assert header == "fold,part,id,speaker,dialogue,scripted,sex,session"
    assert fold_table.read_folds(folder) == tuple(rows)


def test_recordings_are_written_if_any_is_shared(folder):
    rows = [
        *FOLDS[:2],
        *(dataclasses.replace(r, recording="Ses05_a") for r in FOLDS[2:]),
    ]
    fold_table.write_folds(folder, rows)
    header = (folder / "folds.csv").read_text(encoding="utf-8").splitlines()[0]
    assert header == "fold,part,id,speaker,dialogue,scripted,recording"
    assert fold_table.read_folds(folder) == tuple(rows)
    both = [dataclasses.replace(row, sex="F") for row in rows]
    fold_table.write_folds(folder, both)
    assert fold_table.read_folds(folder) == tuple(both)


def test_the_same_run_gives_the_same_bytes(folder, tmp_path):
    again = tmp_path / "again"
    runs.write_info(again, INFO)
    p.write_predictions(again / "predictions.csv", columns(), INFO)
    for name in ("run.json", "predictions.csv"):
        assert (again / name).read_bytes() == (folder / name).read_bytes()


def test_a_prediction_that_is_not_finite_is_never_written(tmp_path):
    predicted = np.zeros((4, 2))
    predicted[1, 0] = np.nan
    path = tmp_path / "predictions.csv"
    with pytest.raises(ValueError, match="'Ses05_a', seed 1, .* not finite"):
        p.write_predictions(path, columns(predicted=predicted), INFO)
    assert not path.exists()


def test_columns_of_other_ratings_are_refused(tmp_path):
    info = dataclasses.replace(INFO, targets=("valence",))
    with pytest.raises(ValueError, match="predictions of 2 ratings, but the run has"):
        p.write_predictions(tmp_path / "predictions.csv", columns(), info)


def test_columns_of_different_length_are_refused():
    with pytest.raises(ValueError, match="differ in shape"):
        columns(seed=np.array([0]))


@pytest.mark.parametrize("targets", [(), ("arousal", "valence"), ("joy",)])
def test_targets_must_be_in_the_fixed_order(targets):
    with pytest.raises(ValueError, match="some of valence, arousal, dominance, in"):
        dataclasses.replace(INFO, targets=targets)


def test_an_unknown_nature_is_refused():
    with pytest.raises(ValueError, match="one of human, synthetic, proxy"):
        dataclasses.replace(INFO, nature="real")


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("early,session5,5,0", "early,session5,5,none", "line 2: .*damaged"),
        ("early,session5,5,0", "early,session5,5", "line 2: 10 cells, expected 11"),
        ("Ses05_ä,early", "Ses05_a,early", "line 3: .* twice"),
        ("id,design", "name,design", "has columns 'name,design"),
        ("Ses05_a,early", "Ses09_a,early", "'Ses09_a' is not in the test part"),
        ("session5,5,1", "session5,6,1", "not in the test part of fold '6'"),
    ],
)
def test_damaged_predictions_are_refused_with_their_line(folder, old, new, match):
    edit(folder / "predictions.csv", old, new)
    with pytest.raises(ValueError, match=match):
        p.read_run(folder)


def test_training_utterances_cannot_be_scored(folder):
    edit(folder / "folds.csv", "5,test,Ses05_a", "5,train,Ses05_a")
    with pytest.raises(ValueError, match="'Ses05_a' is not in the test part"):
        p.read_run(folder)


def test_seeds_scored_on_other_utterances_are_refused(folder):
    path = folder / "predictions.csv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:-1]), encoding="utf-8")
    with pytest.raises(ValueError, match="the seeds of fold '5' were scored on diff"):
        p.read_run(folder)


@pytest.mark.parametrize(
    ("old", "new"), [("5,test,", "5,dev,"), ("Ses05_d,1", "Ses05_d,yes")]
)
def test_damaged_folds_are_refused_with_their_line(folder, old, new):
    edit(folder / "folds.csv", old, new)
    with pytest.raises(ValueError, match="folds.csv, line 4: part"):
        fold_table.read_folds(folder)


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"targets": [], "x": 1}'])
def test_a_damaged_description_is_refused_with_advice(folder, content):
    (folder / "run.json").write_text(content)
    with pytest.raises(
        ValueError, match="run.json is damaged: .*; train again, or remove its folder"
    ):
        runs.read_info(folder)


def test_settings_that_json_cannot_hold_are_refused(tmp_path):
    info = dataclasses.replace(INFO, settings={"path": tmp_path})
    with pytest.raises(TypeError, match="cannot be written as JSON"):
        runs.write_info(tmp_path, info)


def test_only_finished_runs_are_found(folder, tmp_path):
    runs.write_info(tmp_path / "a-not-finished", INFO)
    (tmp_path / "z-other").mkdir()
    assert [run.path for run in map(p.read_run, p.finished_runs(tmp_path))] == [folder]
    assert list(map(p.read_run, p.finished_runs(tmp_path / "absent"))) == []


@pytest.mark.parametrize("name", ["run.json", "folds.csv", "predictions.csv"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{name} not found"):
        p.read_run(folder)


def test_an_unknown_key_of_a_description_is_refused(folder, tmp_path):
    info = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**info, "colour": "red"}))
    with pytest.raises(ValueError, match=f"{INFO.name}/run.json .*colour"):
        list(map(p.read_run, p.finished_runs(tmp_path)))
