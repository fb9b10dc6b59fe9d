"""Sections for groups of test utterances by a column of the corpus."""

import dataclasses

import pytest
from click.testing import CliRunner
from html_pages import draw_blank
from report_runs import info_of, save

from affuse import cli
from affuse.data import plugins
from affuse.data.options.report_options import ReportContents
from affuse.data.plugin_kinds import FORMAT_KIND
from affuse.data.runs import fold_table
from affuse.data.runs import run_predictions as p
from affuse.fuse.commands.report_command import collect, render
from affuse.fuse.reporting.sections import subset
from affuse.fuse.scoring.statistics import estimate


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    draw_blank(monkeypatch)
    monkeypatch.setattr("affuse.fuse.reporting.comparisons.PERMUTATIONS", 199)


@pytest.fixture
def runs(tmp_path):
    for design in ("text", "early"):
        save(tmp_path, info_of(design))
    return tmp_path


def add_columns(runs, columns):
    """Add columns, computed from the utterance number, to all runs."""
    for folder in runs.iterdir():
        rows = [
            dataclasses.replace(row, columns=columns(number))
            for number, row in enumerate(fold_table.read_folds(folder))
        ]
        fold_table.write_folds(folder, rows)


def test_groups_by_a_column_are_scored_separately(runs):
    add_columns(runs, lambda number: {"language": ("de", "en")[number // 20 % 2]})
    (table,) = collect(runs, ReportContents(by="language"))
    row = next(row for row in table.rows if row.design == "early")
    assert list(row.sections)[-2:] == ["language de", "language en"]
    run = p.read_run(runs / info_of("early").name)
    wanted = subset(run, lambda row: row.columns["language"] == "en")
    assert row.sections["language en"] == estimate(wanted)
    assert "language en" not in row.versus


def test_the_column_name_ignores_case(runs):
    add_columns(runs, lambda number: {"Language": "de"})
    (table,) = collect(runs, ReportContents(by="language"))
    assert "Language de" in table.rows[0].sections


def test_an_unknown_column_is_refused_with_the_choices(runs):
    add_columns(runs, lambda number: {"language": "de", "age": "9"} if number else {})
    words = ["report", "--runs", str(runs), "--by", "langauge"]
    result = CliRunner().invoke(cli.main, words)
    assert result.exit_code == 2
    assert (
        "no groups by 'langauge': choose from speaker, dialogue, language, age"
        in result.output
    )


def test_a_footnote_says_that_a_table_lacks_the_column(runs):
    add_columns(runs, lambda number: {"language": "de"})
    save(runs, info_of("late", corpus="other", name="other-late-session5-1"))
    one, other = collect(runs, ReportContents(by="language"))
    assert "language de" in one.rows[0].sections
    assert "No language is known, so there are no groups by language" in other.notes


def test_too_many_groups_are_refused(runs):
    add_columns(runs, lambda number: {"code": str(number)})
    (table,) = collect(runs, ReportContents(by="code"))  # 40 test utterances
    save(runs, info_of("late"), n=60)
    add_columns(runs, lambda number: {"code": str(number)})
    with pytest.raises(ValueError, match="form 60 groups by 'code', and at most 50"):
        collect(runs, ReportContents(by="code"))


@pytest.mark.parametrize("format", plugins.names(FORMAT_KIND))
def test_groups_of_few_utterances_are_shown_in_every_format(runs, format):
    add_columns(runs, lambda number: {"language": "de" if number > 3 else "fr"})
    shown = render(collect(runs, ReportContents(by="language", columns="mae")), format)
    assert "language fr" in shown


def test_footnotes_count_utterances_without_a_group(runs):
    add_columns(runs, lambda n: {"language": "de" if n > 3 else "fr"} if n < 30 else {})
    (table,) = collect(runs, ReportContents(by="language"))
    words = " ".join(table.notes)
    assert "because its value is unknown: 12 test utterances" in words
    assert "too few utterances or dialogues: language fr" in words
    assert "In no group" not in " ".join(collect(runs)[0].notes)


def test_runs_of_older_versions_have_no_columns(runs):
    (run, _) = map(p.read_run, p.finished_runs(runs))
    assert {tuple(row.columns) for row in run.folds} == {()}
    with pytest.raises(ValueError, match="choose from speaker, dialogue$"):
        collect(runs, ReportContents(by="language"))


def test_a_group_named_like_a_section_replaces_none(runs):
    add_columns(runs, lambda number: {"new": ("sentences", "words")[number % 2]})
    (plain,) = collect(runs)
    (table,) = collect(runs, ReportContents(by="new"))
    before = next(row for row in plain.rows if row.design == "early")
    row = next(row for row in table.rows if row.design == "early")
    assert row.sections.get("new sentences") == before.sections.get("new sentences")
    assert {"new: sentences", "new words"} <= set(row.sections)
