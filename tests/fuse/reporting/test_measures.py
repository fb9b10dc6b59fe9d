"""RMSE, MAE and correlation as additional columns of a report."""

import csv
import io
import json

import numpy as np
import pytest
from click.testing import CliRunner
from html_pages import draw_blank
from report_runs import RATINGS, info_of, save
from sklearn.metrics import mean_absolute_error, root_mean_squared_error

from affuse import cli
from affuse.data import plugins
from affuse.data.options.report_options import ReportContents
from affuse.data.plugin_kinds import FORMAT_KIND
from affuse.data.runs import run_predictions as p
from affuse.data.runs.run_folder import RunFolder
from affuse.fuse.commands.report_command import collect, render
from affuse.fuse.reporting import measures
from affuse.fuse.reporting.blocks import WIDTH
from affuse.fuse.scoring import metrics


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    draw_blank(monkeypatch)
    monkeypatch.setattr("affuse.fuse.reporting.comparisons.PERMUTATIONS", 199)


@pytest.fixture
def runs(tmp_path):
    for design, gain in {"text": 0.5, "audio": 0.3, "early": 0.8}.items():
        save(tmp_path, info_of(design), gain=gain, seeds=3)
    return tmp_path


def test_errors_equal_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    truth, said = rng.normal(size=(2, 50))
    assert metrics.mae(truth, said) == pytest.approx(mean_absolute_error(truth, said))
    known = root_mean_squared_error(truth, said)
    assert metrics.rmse(truth, said) == pytest.approx(known)


@pytest.mark.parametrize("said", [[1.0], [1.0, np.nan], [np.inf, 0.0]])
def test_mae_refuses_infinite_values_and_different_lengths(said):
    with pytest.raises(ValueError, match="both must be|nan or infinite"):
        metrics.mae([0.0, 1.0], said)


def test_figures_are_means_over_folds_of_means_over_seeds(runs):
    run = p.read_run(runs / info_of("early").name)
    found = measures.measure_run(run, ["mae", "pearson"])
    assert list(found) == ["mae", "pearson"]
    for name, of in {"mae": metrics.mae, "pearson": metrics.pearson}.items():
        for k, target in enumerate(RATINGS):
            each = [
                of(
                    run.predictions.truth[run.predictions.seed == seed, k],
                    run.predictions.predicted[run.predictions.seed == seed, k],
                )
                for seed in range(3)
            ]
            assert found[name][target] == pytest.approx(np.mean(each), abs=1e-12)
        mean = np.mean([found[name][target] for target in RATINGS])
        assert found[name]["mean"] == pytest.approx(mean)


def test_columns_are_in_the_typed_order(runs):
    shown = render(collect(runs, ReportContents(columns="pearson,rmse")), "text")
    heads = [line for line in shown.splitlines() if "RMSE V" in line]
    assert heads
    assert all(line.index("r V") < line.index("RMSE V") for line in heads)
    assert "MAE" not in shown
    assert "RMSE (root mean squared error on [-1, 1])" in shown


@pytest.mark.parametrize("columns", ["rmse,mae,pearson", "mae", " Pearson , mae"])
@pytest.mark.parametrize("ensemble", [False, True])
def test_every_line_fits_the_page(runs, columns, ensemble):
    tables = collect(runs, ReportContents(columns=columns, ensemble=ensemble))
    assert max(map(len, render(tables, "text").splitlines())) <= WIDTH


def test_ensembles_have_measures_too(runs):
    (table,) = collect(runs, ReportContents(columns="rmse", ensemble=True))
    rows = {row.name: row.measures["all"]["rmse"]["mean"] for row in table.rows
            if row.info}  # fmt: skip
    assert rows["early (ensemble of 3 seeds)"] < rows["early"]


@pytest.mark.parametrize("columns", ["rsme", "rmse,ccc", "rmse;mae"])
def test_an_unknown_measure_is_refused_with_the_choices(runs, columns):
    words = ["report", "--runs", str(runs), "--columns", columns]
    result = CliRunner().invoke(cli.main, words)
    assert result.exit_code == 2
    assert "choose from rmse, mae, pearson" in result.output


@pytest.mark.parametrize("format", plugins.names(FORMAT_KIND))
def test_every_format_shows_measures_on_request_only(runs, format):
    with_them = render(collect(runs, ReportContents(columns="mae")), format)
    assert "mean absolute error" in with_them or "mean_mae" in with_them
    without = render(collect(runs), format)
    assert "mean absolute error" not in without


def test_csv_and_json_have_fields_for_measures(runs):
    tables = collect(runs, ReportContents(columns="mae,pearson"))
    (table,) = tables
    row = next(row for row in table.rows if row.design == "early")
    rows = json.loads(render(tables, "json"))["tables"][0]["rows"]
    (found,) = (r["sections"]["all"] for r in rows if r["design"] == "early")
    assert found["mae"] == row.measures["all"]["mae"]
    assert found["pearson"] == row.measures["all"]["pearson"]
    assert "rmse" not in found
    lines = csv.DictReader(io.StringIO(render(tables, "csv"), newline=""))
    (line,) = (x for x in lines if (x["design"], x["section"]) == ("early", "all"))
    assert float(line["mean_mae"]) == row.measures["all"]["mae"]["mean"]
    assert line["mean_rmse"] == ""


def test_the_correlation_with_constant_predictions_is_undefined(tmp_path):
    save(tmp_path, info_of("early"), seeds=1)
    path = tmp_path / info_of("early").name / RunFolder.predictions
    lines = path.read_text().splitlines(keepends=True)
    cells = [line.rstrip("\n").split(",") for line in lines]
    for row in cells[1:]:
        row[8] = "0.5"
    path.write_text("".join(",".join(row) + "\n" for row in cells))
    (table,) = collect(tmp_path, ReportContents(columns="pearson,mae"))
    content = json.loads(render([table], "json"))["tables"][0]["rows"][0]["sections"]
    assert content["all"]["pearson"]["valence"] is None
    assert content["all"]["mae"]["valence"] > 0
