"""Rows of ensembles: their scores, and the rows that they are compared with."""

import csv
import dataclasses
import io
import json

import numpy as np
import pytest
from click.testing import CliRunner
from html_pages import draw_blank
from learnable_corpus import corpus, embeddings
from report_runs import TEXT, info_of, save

from affuse import cli
from affuse.data import plugins
from affuse.data.options.report_options import ReportContents
from affuse.data.plugin_kinds import FORMAT_KIND
from affuse.data.runs import run_predictions as p
from affuse.fuse.commands import design_training
from affuse.fuse.commands.report_command import collect, render
from affuse.fuse.reporting.ensembles import average_seeds
from affuse.fuse.scoring.metrics import ccc
from affuse.fuse.settings import Settings
from affuse.fuse.trained import fold_predictions as calibration_parts
from affuse.fuse.trained import prediction

QUICK = Settings(latent=8, autoencoder_hidden=16, hidden=16, epochs=4)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    draw_blank(monkeypatch)
    monkeypatch.setattr("affuse.fuse.reporting.comparisons.PERMUTATIONS", 199)


@pytest.fixture
def runs(tmp_path):
    save(tmp_path, info_of("ridge"), gain=0.4, seeds=1)
    save(tmp_path, info_of("text"), gain=0.5, seeds=3)
    save(tmp_path, info_of("early"), gain=0.8, seeds=3)
    return tmp_path


def rows_of(runs, **choice):
    (table,) = collect(runs, ReportContents(ensemble=True, corpus="iemocap", **choice))
    return {row.name: row for row in table.rows if row.info}, table


def test_each_run_with_several_trained_seeds_has_an_ensemble_row(runs):
    rows, table = rows_of(runs)
    assert list(rows) == [
        "ridge",
        "text",
        "text (ensemble of 3 seeds)",
        "early",
        "early (ensemble of 3 seeds)",
    ]
    (plain,) = collect(runs, ReportContents(corpus="iemocap"))
    assert [row.name for row in plain.rows if row.info] == ["ridge", "text", "early"]
    assert not any("Ensembles" in note for note in plain.notes)
    (note,) = (note for note in table.notes if note.startswith("Ensembles"))
    assert "hold for these models only, not for other seeds or another training" in note


def test_an_ensemble_has_the_ccc_of_the_mean_prediction_in_every_section(runs):
    rows, _ = rows_of(runs)
    run = p.read_run(runs / info_of("early").name)
    by_id: dict[str, list[np.ndarray]] = {}
    truth = {}
    for id_, row, rated in zip(
        run.predictions.id.tolist(),
        run.predictions.predicted,
        run.predictions.truth,
        strict=True,
    ):
        by_id.setdefault(id_, []).append(row)
        truth[id_] = rated
    for section, keep in {
        "all": lambda i: True,
        "scripted": lambda i: "0" in i,
        "improvised": lambda i: "0" not in i,
    }.items():
        ids = [i for i in by_id if keep(i)]
        means = np.array([np.mean(by_id[i], axis=0) for i in ids])
        rated = np.array([truth[i] for i in ids])
        found = rows["early (ensemble of 3 seeds)"].sections[section]
        each = [ccc(rated[:, k], means[:, k]) for k in range(3)]
        values = [interval.value for interval in found.ratings.values()]
        np.testing.assert_allclose(values, each, atol=1e-12)
        assert found.mean.low < found.mean.value < found.mean.high
        assert (found.seeds, found.folds) == (3, 1)
    single = rows["early"].sections["all"].mean.value
    assert rows["early (ensemble of 3 seeds)"].sections["all"].mean.value > single


def test_models_are_compared_with_models_and_ensembles_with_ensembles(runs):
    rows, _ = rows_of(runs)
    assert rows["ridge"].versus["all"].name == "text"
    assert rows["early"].versus["all"].name == "text"
    versus = rows["early (ensemble of 3 seeds)"].versus["all"]
    assert versus.name == "text (ensemble of 3 seeds)"
    assert rows["text"].versus == rows["text (ensemble of 3 seeds)"].versus == {}
    ps = [v.p for row in rows.values() for v in row.versus.values()]
    assert len(ps) == 9
    smallest = min(ps)
    adjusted = [v.adjusted for r in rows.values() for v in r.versus.values()]
    assert min(adjusted) == pytest.approx(min(1, 9 * smallest))


def test_against_compares_ensembles_too(runs):
    rows, _ = rows_of(runs, against="text")
    names = {row.versus["all"].name for row in rows.values() if row.versus}
    assert names == {"text"}
    assert "all" in rows["text (ensemble of 3 seeds)"].versus
    rows, _ = rows_of(runs, against="text (ensemble of 3 seeds)")
    assert rows["early"].versus["all"].name == "text (ensemble of 3 seeds)"


def test_against_a_design_means_its_models_not_its_ensemble(runs):
    other = {**TEXT, "layers": [1]}
    info = info_of("early", name="iemocap-early-session5-x", encoders={"text": other})
    save(runs, info, gain=0.7, seeds=2)
    name = next(n for n in rows_of(runs)[0] if n.startswith("text ") and "ens" not in n)
    rows, _ = rows_of(runs, against="text")
    assert {r.versus["all"].name for r in rows.values() if r.versus} == {name}


def test_a_footnote_says_that_no_run_has_several_seeds(tmp_path):
    save(tmp_path, info_of("early"), seeds=1)
    rows, table = rows_of(tmp_path)
    assert list(rows) == ["early"]
    assert "No run has several trained seeds, so there is no ensemble" in " ".join(
        table.notes
    )


@pytest.mark.parametrize("format", plugins.names(FORMAT_KIND))
def test_every_format_shows_ensembles(runs, format):
    words = ["report", "--runs", str(runs), "--ensemble", "--format", format]
    result = CliRunner().invoke(cli.main, words)
    assert result.exit_code == 0, result.output
    assert "ensemble of 3 seeds" in result.output


def test_json_and_csv_hold_the_number_of_members(runs):
    tables = collect(runs, ReportContents(ensemble=True))
    content = json.loads(render(tables, "json"))["tables"][0]["rows"]
    assert {(r["design"], r["members"]) for r in content if r["run"]} == {
        ("ridge", 1),
        ("text", 1),
        ("text", 3),
        ("early", 1),
        ("early", 3),
    }
    lines = list(csv.DictReader(io.StringIO(render(tables, "csv"), newline="")))
    assert "ensemble of 3 seeds" in {line["detail"] for line in lines}


def test_an_ensemble_of_one_fold_equals_the_output_of_predict(tmp_path):
    settings = dataclasses.replace(QUICK, protocol="session5-strict")
    folder = design_training.run(
        corpus(),
        embeddings(),
        fusion="early",
        settings=settings,
        seeds=range(3),
        runs=tmp_path,
        progress=False,
    )
    run = p.read_run(folder)
    together = average_seeds(run)
    applied = prediction.predict(folder, embeddings())
    assert applied.models == 3
    place = {id_: row for row, id_ in enumerate(applied.ids)}
    said = applied.mean[[place[id_] for id_ in together.predictions.id.tolist()]]
    np.testing.assert_allclose(together.predictions.predicted, said, atol=1e-6)
    (part,) = calibration_parts.select_test_parts(run)
    np.testing.assert_array_equal(part.mean, together.predictions.predicted)
    assert together.predictions.id.tolist() == part.ids.tolist()


def test_predictions_are_averaged_within_each_fold(tmp_path):
    save(tmp_path, info_of("early"), seeds=2)
    run = p.read_run(tmp_path / info_of("early").name)
    old = run.predictions
    twice = {
        name: np.concatenate([getattr(old, name)] * 2)
        for name in ("id", "seed", "truth", "predicted")
    }
    twice["predicted"][len(old) :] *= 2
    fold = np.repeat(["a", "b"], len(old))
    rows = [dataclasses.replace(row, fold=f) for f in "ab" for row in run.folds]
    both = dataclasses.replace(
        run, predictions=p.Predictions(fold=fold, **twice), folds=tuple(rows)
    )
    found = average_seeds(both).predictions
    first, second = (found.predicted[found.fold == name] for name in "ab")
    np.testing.assert_allclose(second, 2 * first)
