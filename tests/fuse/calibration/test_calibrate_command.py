import dataclasses
import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from cli_calls import call, error_sentence
from learnable_corpus import corpus, embeddings, reorder_rows
from small_caches import remove_from_manifests
from trained_runs import train_run

from affuse.data.runs.run_predictions import read_run
from affuse.data.system.text_columns import align_columns as in_columns
from affuse.fuse.calibration.applying import calibrated_columns
from affuse.fuse.calibration.calibration_fitting import fit
from affuse.fuse.calibration.calibration_scores import apply as calibrated
from affuse.fuse.calibration.chart import draw
from affuse.fuse.commands.calibrate_command import calibrate
from affuse.fuse.trained.fold_predictions import (
    read_validation_parts,
    select_test_parts,
)
from affuse.fuse.trained.prediction import predict

TARGETS = ("valence", "arousal", "dominance")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """One fold."""
    folder = train_run(tmp_path_factory.mktemp("one"), "text", seeds=[0, 1])
    calibrate(folder, level=0.9, by="auto")
    return folder


def test_new_recordings_are_calibrated_like_the_test_part(run):
    found = read_run(run)
    learnt = fit(read_validation_parts(found), targets=TARGETS, seeds=(0, 1))
    said = calibrated(select_test_parts(found), learnt)
    ids = select_test_parts(found)[0].ids.tolist()
    caches = {"text": reorder_rows(embeddings()["text"], [int(i[1:]) for i in ids])}
    table = calibrated_columns(run, predict(run, caches))
    assert list(table) == [
        f"{t}_{side}" for side in ("calibrated", "low", "high") for t in TARGETS
    ]
    for target, (fold,) in said.items():
        for side, values in (
            ("calibrated", fold.mapped),
            ("low", fold.low),
            ("high", fold.high),
        ):
            # the same models on all rows at once: float32 sums in another order
            np.testing.assert_allclose(table[f"{target}_{side}"], values, atol=1e-5)


def test_folds_are_averaged_and_intervals_hold_the_average(tmp_path):
    folder = train_run(tmp_path, "text", protocol="loso", epochs=2)
    said = calibrate(folder, level=0.8, by="auto")
    assert "80% interval" in said
    applied = predict(folder, embeddings())
    table = calibrated_columns(folder, applied)
    learnt = fit(
        read_validation_parts(read_run(folder)), targets=TARGETS, seeds=(0,), level=0.8
    )
    each = [
        learnt.folds[fold][1].map_predictions(one[:, 1], clip=True)
        for fold, one in zip(applied.folds, applied.by_model, strict=True)
    ]
    np.testing.assert_allclose(table["arousal_calibrated"], np.mean(each, axis=0))
    for target in TARGETS:
        low, middle, high = (
            table[f"{target}_{s}"] for s in ("low", "calibrated", "high")
        )
        assert ((-1 <= low) & (low <= middle) & (middle <= high) & (high <= 1)).all()
    assert (table["arousal_high"] - table["arousal_low"]).mean() < 1.9


@pytest.mark.parametrize(("policy", "clipped"), [("clip", True), ("keep", False)])
def test_predictions_outside_the_scale_are_clipped_and_counted(
    tmp_path, caplog, policy, clipped
):
    folder = train_run(tmp_path, "text", epochs=2, protocol="loso", out_of_range=policy)
    calibrate(folder, level=0.8, by="auto")
    applied = predict(folder, embeddings())
    wide = dataclasses.replace(applied, by_model=5 * applied.by_model)
    table = calibrated_columns(folder, wide)
    for target in TARGETS:
        low, middle, high = (
            table[f"{target}_{s}"] for s in ("low", "calibrated", "high")
        )
        assert ((low <= middle) & (middle <= high)).all()
        assert ((-1 <= low) & (high <= 1)).all() == clipped
        assert (np.abs(middle) <= 1).all() == clipped
    said = "calibrated predictions were outside the scale in a fold"
    assert (said in caplog.text) == clipped


def test_predictions_that_were_clipped_are_noted(tmp_path):
    folder = train_run(tmp_path, "text", epochs=2)
    calibrate(folder, level=0.8, by="auto")
    path = folder / "predictions.csv"
    rows = path.read_text(encoding="utf-8").splitlines()
    cells = rows[1].split(",")
    cells[rows[0].split(",").index("valence_predicted")] = "3"
    path.write_text("\n".join([rows[0], ",".join(cells), *rows[2:]]) + "\n")
    remove_from_manifests(path)
    said = " ".join(calibrate(folder, level=0.8, by="auto").split())
    facts = json.loads((folder / "calibration.json").read_text(encoding="utf-8"))
    count = facts["test"]["valence"]["beyond"]
    assert count >= 1
    assert f"outside the scale, clipped to its end: valence {count}" in said


def test_a_missing_or_stale_calibration_advises_a_command(tmp_path):
    folder = train_run(tmp_path, "text", epochs=1)
    applied = predict(folder, embeddings())
    with pytest.raises(FileNotFoundError, match="first: python cli.py calibrate"):
        calibrated_columns(folder, applied)
    calibrate(folder, level=0.9, by="auto")
    more = dataclasses.replace(applied, seeds=(1,))
    with pytest.raises(
        ValueError, match="with 1 models and now has 1, or other ones; cal"
    ):
        calibrated_columns(folder, more)
    path = folder / "calibration.json"
    path.write_text(path.read_text().replace('"slope"', '"slop"'))
    with pytest.raises(ValueError, match="its SHA-256 is not .* calibrate again"):
        calibrated_columns(folder, applied)
    remove_from_manifests(path)
    with pytest.raises(ValueError, match="lacks slope; calibrate"):
        calibrated_columns(folder, applied)


def test_the_command_writes_a_table_and_refuses_too_few_speakers(run, tmp_path):
    done = call("calibrate", run, "--level", 0.8, "--output", tmp_path / "said.txt")
    assert done.exit_code == 0
    said = (tmp_path / "said.txt").read_text(encoding="utf-8")
    assert said.startswith("toy-text-session5-strict-")
    assert " (synthetic data), calibrated on validation parts" in said
    assert [line.split()[0] for line in said.splitlines()[3:6]] == list(TARGETS)
    assert "80% interval holds" in said
    assert "intervals for new speakers (--by speaker) take 4 speakers" in " ".join(
        said.split()
    )
    sentence = error_sentence(call("calibrate", run, "--level", 0.9, "--by", "speaker"))
    assert "has 2 known speakers to validate on" in sentence
    assert "is not a run folder" in error_sentence(call("calibrate", tmp_path))
    assert call("calibrate", run, "--level", 1.0).exit_code == 2


def test_a_corpus_without_speakers(tmp_path):
    splits = {"4": "dev", "5": "test"}
    utterances = tuple(
        dataclasses.replace(u, speaker="", split=splits.get(u.session, "train"))
        for u in corpus().utterances
    )
    found = dataclasses.replace(corpus(), utterances=utterances, protocol="official")
    folder = train_run(tmp_path, "text", found=found, epochs=2)
    lines = calibrate(folder, level=0.9, by="auto").splitlines()
    assert [line.split()[-2] for line in lines[3:6]] == ["-"] * 3
    assert "at least 60 utterances of validation" in "\n".join(lines)
    assert "other speakers" not in "\n".join(lines)
    with pytest.raises(ValueError, match="has 0 known speakers to validate on"):
        calibrate(folder, level=0.9, by="speaker")


def test_the_chart_is_valid_and_its_labels_do_not_overlap(run):
    calibrate(run, level=0.9, by="auto")
    lines = (run / "rejection.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "rating,kept,utterances,ccc,rmse"
    assert len(lines) == 1 + 3 * 17  # to 12 of 60 utterances: below lie fewer than 10
    svg = ET.fromstring((run / "rejection.svg").read_text(encoding="utf-8"))
    space = "{http://www.w3.org/2000/svg}"
    assert len(svg.findall(f".//{space}polyline")) == 6
    assert "(synthetic data)" in svg.find(f"{space}title").text


def test_a_chart_escapes_names_leaves_out_nan_and_moves_labels_apart():
    line = [(1.0, 0.5), (0.5, float("nan")), (0.2, 0.9)]
    svg = ET.fromstring(draw("a < b", {"C&C": {"v<": line, "w": line, "x": []}}))
    space = "{http://www.w3.org/2000/svg}"
    lines = svg.findall(f".//{space}polyline")
    assert [len(found.get("points").split()) for found in lines] == [2, 2]
    places = [
        (float(t.get("x")), float(t.get("y")))
        for t in svg.iter(f"{space}text")
        if t.text in ("v<", "w")
    ]
    assert len(places) == 2
    assert abs(places[0][1] - places[1][1]) >= 14
    points = [p.split(",") for found in lines for p in found.get("points").split()]
    assert all(0 <= float(x) <= 340 and 0 <= float(y) <= 260 for x, y in points)


def test_columns_are_as_wide_as_their_widest_cell():
    assert list(in_columns([("", "CCC"), ("valence", ".5")])) == [
        "         CCC",
        "valence   .5",
    ]


def test_a_narrow_page_has_the_same_figures(run):
    wide = calibrate(run, level=0.9, by="auto")
    narrow = calibrate(run, level=0.9, by="auto", width=80)
    tables = narrow.partition("written to")[0].splitlines()[1:]
    assert max(map(len, tables)) <= 80 < max(map(len, wide.splitlines()[1:6]))
    assert sorted(narrow.split()) == sorted([*wide.split(), *TARGETS])
