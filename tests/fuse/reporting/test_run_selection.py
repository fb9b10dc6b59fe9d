"""Options of the report that select runs."""

import csv
import io

import pytest
from click.testing import CliRunner
from contrasted_runs import OTHER
from report_runs import TEXT, info_of, runs, save

from affuse import cli
from affuse.data.options.report_options import ReportContents
from affuse.fuse.commands.report_command import collect

__all__ = ["runs"]  # a fixture


@pytest.fixture
def runs_on_two_encoders(runs):
    """Add runs on another speech encoder."""
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


def test_run_selects_by_name_or_unique_beginning(runs_on_two_encoders):
    assert names(runs_on_two_encoders, run=["iemocap-late"]) == of("late")
    assert names(runs_on_two_encoders, run=["iemocap-t", info_of("early").name]) == of(
        "early", "text"
    )
    with pytest.raises(ValueError, match="several runs .* 'iemocap-early': iemo"):
        collect(runs_on_two_encoders, ReportContents(run=["iemocap-early"]))
    with pytest.raises(ValueError, match="finished run of run 'x'.*; there are iemo"):
        collect(runs_on_two_encoders, ReportContents(run=["iemocap-late", "x"]))


def test_design_selects_runs_of_designs(runs_on_two_encoders):
    assert names(runs_on_two_encoders, design=["text", "late"]) == of("text", "late")
    with pytest.raises(ValueError, match="design 'x'.*; there are audio, early, late"):
        collect(runs_on_two_encoders, ReportContents(design=["text", "x"]))


@pytest.mark.parametrize("name", ["hub/hubert", "hubert", "c0ffee"])
def test_audio_selects_an_encoder_and_runs_without_audio(runs_on_two_encoders, name):
    assert names(runs_on_two_encoders, audio=[name]) == sorted(
        ["iemocap-audio-session5-b", "iemocap-early-session5-b", *of("text")]
    )
    assert len(names(runs_on_two_encoders, audio=[name, "w2v2"])) == 6


def test_an_unknown_encoder_is_refused_with_the_choices(runs_on_two_encoders):
    words = r"audio checkpoint 'x' .*; there are hub/hubert \(revision c0ffee\), hub/w2"
    with pytest.raises(ValueError, match=words):
        collect(runs_on_two_encoders, ReportContents(audio=["x"]))
    with pytest.raises(ValueError, match="text checkpoint 'x' .*; there is none"):
        collect(runs_on_two_encoders, ReportContents(design=["audio"], text=["x"]))


def test_fold_specific_encoders_are_selected_by_the_name_of_their_run(runs):
    tuned = {"text": {**TEXT, "checkpoint": "run-7 (fine-tuned for each fold)"}}
    save(runs, info_of("text", encoders=tuned, name="b"))
    assert names(runs, text=["run-7"]) == sorted(["b", *of("audio")])


def test_the_error_of_an_empty_selection_names_damaged_runs(runs_on_two_encoders):
    (runs_on_two_encoders / info_of("late").name / "run.json").write_text("{")
    with pytest.raises(ValueError, match="(?s)design 'late'.*damaged, so not shown"):
        collect(runs_on_two_encoders, ReportContents(design=["late"]))


def test_the_command_has_the_options(runs_on_two_encoders):
    words = [
        "report",
        "--runs",
        str(runs_on_two_encoders),
        "--format",
        "csv",
        "--design",
        "early",
    ]
    result = CliRunner().invoke(cli.main, [*words, "--audio", "hubert"])
    assert result.exit_code == 0, result.output
    lines = csv.DictReader(io.StringIO(result.stdout, newline=""))
    assert {line["run"] for line in lines} - {""} == {"iemocap-early-session5-b"}
    result = CliRunner().invoke(cli.main, [*words, "--run", "x"])
    assert result.exit_code == 2
    assert "no finished run of run 'x'" in result.stderr
