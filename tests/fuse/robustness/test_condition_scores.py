"""Scores of models on degraded embeddings, and their file, table and figures."""

import csv
import dataclasses
import json
import math

import numpy as np
import pytest
from cli_calls import call
from html_pages import draw_blank
from learnable_corpus import embeddings
from trained_runs import train_run

from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.runs.run_folder import RunFolder
from affuse.data.runs.run_predictions import read_run
from affuse.fuse.commands.report_command import collect
from affuse.fuse.figures.report_figure import encode
from affuse.fuse.inputs.fold_embeddings import ALL_FOLDS
from affuse.fuse.page.page_sections import report_figures
from affuse.fuse.page.robustness_section import robustness_section
from affuse.fuse.reporting.robustness_table import render
from affuse.fuse.robustness import robustness_file
from affuse.fuse.robustness.condition_difference import condition_difference
from affuse.fuse.robustness.condition_records import ConditionFacts, DegradedInputs
from affuse.fuse.robustness.condition_scores import RobustnessTask, score_conditions
from affuse.fuse.scoring.clusters import choose
from affuse.fuse.scoring.paired_tests import paired_difference
from affuse.fuse.scoring.statistics import estimate

TRAINED = {"epochs": 60, "dropout": 0.0, "seeds": (0, 1)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return train_run(tmp_path_factory.mktemp("runs"), "early", **TRAINED)


@pytest.fixture(scope="module")
def run(folder):
    return read_run(folder)


def noisy(modality, level, seed=0):
    """Return embeddings with noise of a level relative to their deviation."""
    clean = embeddings()[modality]
    rng = np.random.default_rng(seed)
    added = level * clean.values.std() * rng.standard_normal(clean.values.shape)
    values = (clean.values + added).astype(np.float32)
    return {ALL_FOLDS: {modality: dataclasses.replace(clean, values=values)}}


def condition(level, name="noise", modality="audio"):
    text = f"{name}:{level:g}"
    label = f"{name} {level:g} dB"
    facts = ConditionFacts(text, name, label, modality, level, "dB", "noise is added")
    return DegradedInputs(facts, noisy(modality, level))


def task(run, ids=None):
    ids = frozenset(run.predictions.id.tolist() if ids is None else ids)
    return RobustnessTask(run, {ALL_FOLDS: embeddings()}, ids)


@pytest.fixture(scope="module")
def result(run):
    levels = (0.0, 0.5, 5.0)
    return score_conditions(task(run), [condition(level) for level in levels])


def test_clean_scores_are_those_of_the_run(run, result):
    expected = estimate(run)
    clean = result.scores[0]
    for name in run.info.targets:
        assert clean.ratings[name].value == pytest.approx(
            expected.ratings[name].value, abs=1e-5
        )
    assert clean.mean.low == pytest.approx(expected.mean.low, abs=1e-4)
    assert (result.folds, result.seeds) == (1, 2)
    assert result.utterances == result.tested == 60


def test_more_noise_gives_a_lower_ccc(result):
    same, some, much = (each.change for each in result.scores[1:])
    assert same.value == pytest.approx(0, abs=1e-6)
    assert math.isnan(same.low)  # equal predictions say nothing on the variance
    assert some.value < 0
    assert much.high < -0.1
    assert much.low < much.value < much.high


def test_seeds_that_lose_the_same_give_a_narrower_interval(run):
    p = run.predictions
    gain = np.where(p.seed == 0, 1.0, 0.4)[:, None]  # seeds that differ much
    clean = dataclasses.replace(
        run, predictions=dataclasses.replace(p, predicted=gain * p.predicted)
    )
    worse = dataclasses.replace(
        run, predictions=dataclasses.replace(p, predicted=0.9 * gain * p.predicted)
    )
    paired = condition_difference(worse, clean, choose(run))
    apart = paired_difference(worse, clean)
    assert paired.value == pytest.approx(apart.value)
    assert paired.high - paired.low < 0.5 * (apart.high - apart.low)


def test_models_that_fail_in_a_condition_are_named(run):
    clean = embeddings()["audio"]
    flat = dataclasses.replace(clean, values=np.zeros_like(clean.values))
    facts = ConditionFacts("empty", "empty", "empty", "audio")
    wide = dataclasses.replace(clean, values=clean.values * 1e6)
    other = ConditionFacts("loud", "loud", "loud", "audio")
    inputs = [
        DegradedInputs(facts, {ALL_FOLDS: {"audio": flat}}),
        DegradedInputs(other, {ALL_FOLDS: {"audio": wide}}),
    ]
    notes = " ".join(score_conditions(task(run), inputs).notes)
    assert "far outside the scale, below -3 or above 3" in notes
    assert "loud (" in notes


def test_only_some_utterances_are_scored(run):
    ids = sorted({*run.predictions.id.tolist()})[::3]
    found = score_conditions(task(run, ids), [condition(5.0)])
    assert (found.utterances, found.tested) == (20, 60)
    with pytest.raises(AffuseError, match="of fold 'session5' is left to score"):
        score_conditions(task(run, []), [])


def test_constant_ratings_have_no_ccc(run):
    p = run.predictions
    truth = p.truth.copy()
    truth[:, 0] = 0.5
    constant = dataclasses.replace(run, predictions=dataclasses.replace(p, truth=truth))
    found = score_conditions(task(constant), [condition(5.0)])
    assert any("have the same rating" in note for note in found.notes)


def test_the_file_comes_back_and_is_listed(folder, result):
    robustness_file.write(folder, result)
    assert repr(robustness_file.read(folder)) == repr(result)
    assert call("verify", folder).exit_code == 0
    document = json.loads(RunFolder(folder).robustness.read_text())
    assert document["scores"][1]["change"]["low"] is None


def test_a_file_of_other_models_is_refused(folder, result):
    robustness_file.write(folder, dataclasses.replace(result, predictions="0" * 64))
    with pytest.raises(DamagedFileError, match="of other models than the run has now"):
        robustness_file.read(folder)


@pytest.mark.parametrize("change", ["{", '{"format": 9}', "targets"])
def test_a_damaged_file_is_refused(folder, result, change):
    robustness_file.write(folder, result)
    path = RunFolder(folder).robustness
    text = path.read_text()
    damaged = text.replace('"valence": {', '"arousal": {', 1)
    path.write_text(damaged if change == "targets" else change)
    RunFolder(folder).manifest.unlink()
    with pytest.raises(DamagedFileError, match="measure again|robustness"):
        robustness_file.read(folder)


def test_the_text_fits_80_columns_and_names_the_kind_of_ratings(result):
    facts = dataclasses.replace(result.scores[1].facts, label="a" * 60)
    long = dataclasses.replace(result.scores[1], facts=facts)
    found = render(dataclasses.replace(result, scores=(*result.scores, long)), "text")
    assert max(map(len, found.splitlines())) <= 80
    assert "(synthetic data)" in " ".join(found.split())
    assert "aaa... " in found


def test_csv_holds_all_intervals_and_no_formula(result):
    facts = dataclasses.replace(result.scores[1].facts, text="=1+1")
    hostile = dataclasses.replace(result.scores[1], facts=facts)
    text = render(dataclasses.replace(result, scores=(hostile,)), "csv")
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["rating"] for row in rows] == [
        *("valence", "arousal", "dominance", "mean"),
    ]
    assert not rows[0]["condition"].startswith("=")
    assert rows[0]["nature"] == "synthetic"
    assert float(rows[3]["low"]) < float(rows[3]["ccc"]) < float(rows[3]["high"])
    (*_, last) = csv.DictReader(render(result, "csv").splitlines())
    assert float(last["change_low"]) < float(last["change"]) < 0
    (*_, clean) = [
        row
        for row in csv.DictReader(render(result, "csv").splitlines())
        if row["condition"] == "clean"
    ]
    assert clean["change"] == ""


@pytest.fixture
def table(folder, result, monkeypatch):
    robustness_file.write(folder, result)
    (found,) = collect(folder.parent)
    return found


def test_the_page_has_a_table_and_curves(table, monkeypatch):
    section = robustness_section(table)
    (shown,) = section.tables
    assert "synthetic data" in shown.caption
    assert [row[0].text for row in shown.rows] == [
        *("clean", "noise 0 dB", "noise 0.5 dB", "noise 5 dB"),
    ]
    (group,) = section.groups
    (figure,) = group.figures
    assert figure.name.endswith("-noise")
    assert len(figure.rows) == 4 * 4
    assert b"<svg" in encode(figure, "svg")
    names = [each.name for each in report_figures([table])]
    assert len(names) == len({*names})


def test_single_conditions_share_a_figure(folder, run):
    inputs = [
        condition(1.0),
        condition(2.0, "telephone"),
        condition(3.0, "words", "text"),
    ]
    robustness_file.write(folder, score_conditions(task(run), inputs))
    (table,) = collect(folder.parent)
    (group,) = robustness_section(table).groups
    (figure,) = group.figures
    assert figure.name.endswith("-degradations")
    assert b"telephone" in encode(figure, "svg")


def test_a_run_without_the_test_names_its_command(folder, table):
    RunFolder(folder).robustness.unlink()
    RunFolder(folder).manifest.unlink()
    (missing,) = robustness_section(table).missing
    assert missing.command.endswith(f"robustness {folder}")


def test_a_hostile_label_does_nothing_on_the_page(
    folder, result, monkeypatch, tmp_path
):
    draw_blank(monkeypatch)
    monkeypatch.setattr("affuse.fuse.reporting.comparisons.PERMUTATIONS", 9)
    facts = dataclasses.replace(
        result.scores[1].facts, label="<script>alert(1)</script>"
    )
    hostile = dataclasses.replace(result.scores[1], facts=facts)
    robustness_file.write(
        folder, dataclasses.replace(result, scores=(result.scores[0], hostile))
    )
    output = tmp_path / "report.html"
    words = ("--format", "html", "--output", output, "--runs", folder.parent)
    assert call("report", *words).exit_code == 0
    text = output.read_text(encoding="utf-8")
    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;alert(1)" in text
