"""Filters of the report."""

import csv
import io

import pytest
from click.testing import CliRunner
from test_contrasts import OTHER
from test_report import TEXT, info_of, runs, save

from affuse import cli
from affuse.data.options.report_options import ReportContents
from affuse.fuse.commands.report_command import collect

__all__ = ["runs"]  # a fixture


@pytest.fixture
def several(runs):
    """With designs on another encoder of speech."""
    for design, encoders in (
        ("audio", {"audio": {**OTHER, "revision": "c0ffee"}}),
        ("early", {"audio": {**OTHER, "revision": "c0ffee"}, "text": TEXT}),
    ):
        name = f"iemocap-{design}-session5-b"
        save(runs, info_of(design, encoders=encoders, name=name))
    return runs


def names(folder, **chosen):
    (table,) = collect(folder, ReportContents(**chosen))
    return sorted(row.info.name for row in table.rows if row.info)


def of(*designs):
    return sorted(info_of(design).name for design in designs)


def test_runs_of_a_name(several):
    assert names(several, run=["iemocap-late"]) == of("late")
    assert names(several, run=["iemocap-t", info_of("early").name]) == of(
        "early", "text"
    )
    with pytest.raises(ValueError, match="several runs .* 'iemocap-early': iemo"):
        collect(several, ReportContents(run=["iemocap-early"]))
    with pytest.raises(ValueError, match="finished run of run 'x'.*; there are iemo"):
        collect(several, ReportContents(run=["iemocap-late", "x"]))


def test_runs_of_designs(several):
    assert names(several, design=["text", "late"]) == of("text", "late")
    with pytest.raises(ValueError, match="design 'x'.*; there are audio, early, late"):
        collect(several, ReportContents(design=["text", "x"]))


@pytest.mark.parametrize("name", ["hub/hubert", "hubert", "c0ffee"])
def test_runs_on_an_encoder_and_those_without_its_modality(several, name):
    assert names(several, audio=[name]) == sorted(
        ["iemocap-audio-session5-b", "iemocap-early-session5-b", *of("text")]
    )
    assert len(names(several, audio=[name, "w2v2"])) == 6


def test_an_encoder_that_is_not_there_is_refused_with_those_that_are(several):
    words = r"audio checkpoint 'x' .*; there are hub/hubert \(revision c0ffee\), hub/w2"
    with pytest.raises(ValueError, match=words):
        collect(several, ReportContents(audio=["x"]))
    with pytest.raises(ValueError, match="text checkpoint 'x' .*; there is none"):
        collect(several, ReportContents(design=["audio"], text=["x"]))


def test_encoders_that_were_tuned_for_each_fold_have_the_name_of_their_run(runs):
    tuned = {"text": {**TEXT, "checkpoint": "run-7 (fine-tuned for each fold)"}}
    save(runs, info_of("text", encoders=tuned, name="b"))
    assert names(runs, text=["run-7"]) == sorted(["b", *of("audio")])


def test_a_filter_that_finds_nothing_names_damaged_runs_too(several):
    (several / info_of("late").name / "run.json").write_text("{")
    with pytest.raises(ValueError, match="(?s)design 'late'.*damaged, so not shown"):
        collect(several, ReportContents(design=["late"]))


def test_the_command_takes_the_filters(several):
    words = ["report", "--runs", str(several), "--format", "csv", "--design", "early"]
    result = CliRunner().invoke(cli.main, [*words, "--audio", "hubert"])
    assert result.exit_code == 0, result.output
    lines = csv.DictReader(io.StringIO(result.stdout, newline=""))
    assert {line["run"] for line in lines} - {""} == {"iemocap-early-session5-b"}
    result = CliRunner().invoke(cli.main, [*words, "--run", "x"])
    assert result.exit_code == 2
    assert "no finished run of run 'x'" in result.stderr
