"""Rows of networks after the affine map that baselines have."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from trained_runs import QUICK, train_run

from affuse import cli
from affuse.data.errors import AffuseError
from affuse.data.options.report_options import ReportContents
from affuse.data.runs.run_predictions import (
    read_predictions,
    read_run,
    write_predictions,
)
from affuse.fuse.commands.report_command import collect, render
from affuse.fuse.models.trainable.design_registry import design_names
from affuse.fuse.reporting.mapped_networks import (
    DETAIL,
    map_predictions,
    validation_ccc,
)
from affuse.fuse.scoring import metrics
from affuse.fuse.scoring.affine import concordant
from affuse.fuse.settings import Settings
from affuse.fuse.trained import model_files
from affuse.fuse.training.setting_resolution import (
    resolve_settings,
    unused_setting_notes,
)

WHAT = {"protocol": "loso", "seeds": [0, 1]}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Train two networks, text being better, and a baseline with and without map."""
    folder = tmp_path_factory.mktemp("runs")
    for fusion in ("audio", "early", "ridge"):
        train_run(folder, fusion, **WHAT)
    train_run(folder, "ridge", map="none", **WHAT)
    return folder


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("affuse.fuse.reporting.comparisons.PERMUTATIONS", 199)


def run_folder_of(runs, design):
    return next(f for f in sorted(runs.glob(f"toy-{design}-*")))


def names(table):
    return [row.name for row in table.rows]


def test_the_network_of_highest_validation_ccc_has_a_mapped_row(runs):
    (table,) = collect(runs)
    scores = {d: validation_ccc(run_folder_of(runs, d)) for d in ("audio", "early")}
    best = max(scores, key=scores.get)
    assert [n for n in names(table) if DETAIL in n] == [f"{best} ({DETAIL})"]
    assert names(table).index(f"{best} ({DETAIL})") == names(table).index(best) + 1
    assert {"ridge (map=affine)", "ridge (map=none)"} <= set(names(table))
    (every,) = collect(runs, ReportContents(mapped=True))
    assert {f"{d} ({DETAIL})" for d in scores} <= set(names(every))


def test_the_validation_ccc_is_that_of_the_saved_predictions(runs):
    folder = run_folder_of(runs, "early")
    each = []
    for path in sorted(folder.glob("*/seed-*")):
        said = read_predictions(path / "validation.csv", read_run(folder).info.targets)
        pairs = zip(said.truth.T, said.predicted.T, strict=True)
        each.append(np.mean([metrics.ccc(*pair) for pair in pairs]))
    assert validation_ccc(folder) == pytest.approx(np.mean(each), abs=1e-5)


def test_each_model_and_rating_has_its_own_map(runs):
    run = read_run(run_folder_of(runs, "early"))
    found = map_predictions(run)[0].predictions
    for fold in ("session2", "session5"):
        for seed in (0, 1):
            own = (
                model_files.model_folder(run.path, fold=fold, seed=seed)
                / "validation.csv"
            )
            said = read_predictions(own, run.info.targets)
            here = (found.fold == fold) & (found.seed == seed)
            for k in range(3):
                line = concordant(said.truth[:, k], said.predicted[:, k])
                expected = line(run.predictions.predicted[here, k])
                np.testing.assert_allclose(found.predicted[here, k], expected)


def test_test_ratings_affect_neither_maps_nor_the_selected_network(runs):
    run = read_run(run_folder_of(runs, "early"))
    p = run.predictions
    poisoned = dataclasses.replace(run, predictions=dataclasses.replace(
        p, truth=-p.truth))  # fmt: skip
    np.testing.assert_array_equal(
        map_predictions(run)[0].predictions.predicted,
        map_predictions(poisoned)[0].predictions.predicted,
    )


def test_a_mapped_network_is_compared_with_a_mapped_baseline_only(runs):
    (table,) = collect(runs, ReportContents(mapped=True))
    rows = {row.name: row for row in table.rows}
    for row in rows.values():
        for versus in row.versus.values():
            assert DETAIL not in versus.name
    assert rows["early"].versus["all"].name == "audio"
    assert rows[f"early ({DETAIL})"].versus["all"].name == "ridge (map=affine)"
    (named,) = collect(
        runs, ReportContents(against="early")
    )  # its mapped row has the same design
    versus = {r.versus["all"].name for r in named.rows if "all" in r.versus}
    assert versus == {"early"}
    (other,) = collect(runs, ReportContents(mapped=True, against=f"early ({DETAIL})"))
    assert {r.name for r in other.rows if not r.versus} == {f"early ({DETAIL})"}


def test_footnotes_name_the_mapped_rows(runs):
    (table,) = collect(runs)
    notes = " ".join(table.notes)
    assert f"Affine map: ridge (map=affine), early ({DETAIL}); where" in notes
    assert "on validation parts alone, of 60 utterances" in notes
    assert "No map: ridge (map=none)," in notes
    assert "the best baseline that has one too, and no other row" in notes


def test_without_a_mapped_baseline_there_is_no_mapped_row(runs, tmp_path):
    shutil.copytree(
        run_folder_of(runs, "early"), tmp_path / run_folder_of(runs, "early").name
    )
    (table,) = collect(tmp_path)
    assert names(table) == ["early"]
    assert not any("Affine map" in note for note in table.notes)
    (table,) = collect(tmp_path, ReportContents(mapped=True))
    assert names(table) == ["early", f"early ({DETAIL})"]


def test_networks_without_validation_predictions_are_named(runs, tmp_path):
    source = run_folder_of(runs, "early")
    folder = tmp_path / source.name
    folder.mkdir()
    for name in ("run.json", "folds.csv", "predictions.csv"):  # without its models
        shutil.copy(source / name, folder)
    (table,) = collect(tmp_path, ReportContents(mapped=True))
    assert names(table) == ["early"]
    (note,) = (n for n in table.notes if "predictions of validation parts" in n)
    assert "early" in note


def test_damaged_validation_predictions_are_named_and_the_exit_status_is_1(
    runs, tmp_path
):
    shutil.copytree(
        run_folder_of(runs, "early"), tmp_path / run_folder_of(runs, "early").name
    )
    (model, *_) = sorted(tmp_path.glob("*/session1/seed-0"))
    path = model / "validation.csv"
    path.write_text(path.read_text().replace("0.", "9.", 1))
    done = CliRunner().invoke(cli.main, ["report", "--mapped", "--runs", str(tmp_path)])
    assert done.exit_code == 1
    assert "damaged, so not mapped: " in done.stderr
    assert "early " in done.stdout


def test_a_fold_name_with_a_path_out_of_the_run_is_refused(runs):
    run = read_run(run_folder_of(runs, "early"))
    p = run.predictions
    for name in ("../session1", "..", str(run.path / "session1")):
        away = dataclasses.replace(p, fold=np.full(len(p), name))
        rows = tuple(dataclasses.replace(row, fold=name) for row in run.folds)
        forged = dataclasses.replace(run, predictions=away, folds=rows)
        with pytest.raises(AffuseError, match="cannot be a folder in the run"):
            map_predictions(forged)


def test_csv_and_json_hold_the_mapped_row(runs):
    (table,) = collect(runs)
    content = json.loads(render([table], "json"))["tables"][0]
    assert DETAIL in {row["detail"] for row in content["rows"]}
    assert DETAIL in render([table], "csv")


def test_a_mapped_baseline_is_the_same_by_default_and_by_setting(tmp_path):
    auto, affine = (train_run(tmp_path, "ridge", map=m) for m in ("auto", "affine"))
    assert auto == affine
    other = train_run(tmp_path, "ridge", map="none")
    assert other != auto
    one, two = (read_run(f).predictions.predicted for f in (auto, other))
    for k in range(3):
        assert metrics.pearson(one[:, k], two[:, k]) > 0.99


@pytest.mark.parametrize("fusion", ["early", "stacking", "zeroshot"])
def test_designs_without_a_map_refuse_map_affine(tmp_path, fusion):
    with pytest.raises(AffuseError, match=f"not with {fusion}; leave it at map=auto"):
        train_run(tmp_path, fusion, map="affine")
    none = resolve_settings(dataclasses.replace(QUICK, map="none"), fusion)
    assert none == resolve_settings(QUICK, fusion)  # so both are one run


def test_unused_settings_are_named_and_change_no_run(tmp_path, caplog):
    plain = train_run(tmp_path, "early")
    assert not caplog.messages
    again = train_run(tmp_path, "early", late_activation="relu")
    assert again == plain
    assert caplog.messages == ["late_activation=relu changes nothing in early"]
    late = [train_run(tmp_path, "late", late_activation=a) for a in ("none", "relu")]
    assert late[0] != late[1]
    said = unused_setting_notes([Settings(late_activation="relu")], design_names())
    assert "late" not in next(said).rpartition(" in ")[2].split(", ")
    assert not [*unused_setting_notes([Settings()], design_names())]


def test_maps_that_change_nothing_are_counted(runs, tmp_path):
    folder = shutil.copytree(
        run_folder_of(runs, "early"), tmp_path / run_folder_of(runs, "early").name
    )
    shutil.copytree(
        run_folder_of(runs, "ridge"), tmp_path / run_folder_of(runs, "ridge").name
    )
    run = read_run(folder)
    for path in folder.glob("session1/seed-*/validation.csv"):
        said = read_predictions(path, run.info.targets)
        turned = dataclasses.replace(said, predicted=-said.predicted)
        write_predictions(path, turned, run.info)
    for path in folder.rglob("SHA256SUMS"):
        path.unlink()
    (table,) = collect(tmp_path, ReportContents(mapped=True))
    shown = [note for note in table.notes if "change nothing" in note]
    assert shown == [
        f"early ({DETAIL}): 6 of 30 maps change nothing, because the correlation with "
        f"the validation ratings is not positive"
    ]


def test_a_comparison_of_mapped_with_unmapped_rows_says_so(runs):
    (table,) = collect(runs, ReportContents(against="audio"))
    versus = {row.name: row.versus.get("all") for row in table.rows}
    assert versus["ridge (map=affine)"].remark == (
        "ridge (map=affine) has an affine map, audio has none"
    )
    assert versus["ridge (map=none)"].remark == ""


def test_late_fusion_designs_are_not_selected_for_mapping(runs, tmp_path):
    for design in ("early", "ridge"):
        shutil.copytree(
            run_folder_of(runs, design), tmp_path / run_folder_of(runs, design).name
        )
    folder = train_run(tmp_path, "stacking", protocol="loso", seeds=[0])
    history = (folder / "history.csv").read_text(encoding="utf-8").splitlines()
    assert len(history) > 1
    (table,) = collect(tmp_path)
    assert [n for n in names(table) if DETAIL in n] == [f"early ({DETAIL})"]
    (every,) = collect(tmp_path, ReportContents(mapped=True))
    assert f"stacking ({DETAIL})" in names(every)
