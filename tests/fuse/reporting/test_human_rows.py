"""Rows of human raters in tables of all formats."""

import csv
import io
import json

import numpy as np
import pytest
from report_runs import info_of, save, text_of

from affuse.data.records import Utterance
from affuse.data.runs.rater_table import write_raters
from affuse.data.runs.run_folder import RunFolder
from affuse.data.runs.run_predictions import read_run
from affuse.data.single_ratings import summaries
from affuse.fuse.commands.report_command import collect, render
from affuse.fuse.reporting.table_records import HUMAN


def add_raters(folder, *, counts=(2, 3)):
    """Write the single ratings of a run, on the scale from 1 to 5."""
    run, rng = read_run(folder), np.random.default_rng(0)
    p = run.predictions
    write_raters(
        folder,
        [
            Utterance(
                id_,
                raters=summaries(
                    {
                        name: 3 + 2 * truth[k] + rng.normal(size=rng.choice(counts))
                        for k, name in enumerate(run.info.targets)
                    }
                ),
            )
            for id_, truth in dict(zip(p.id.tolist(), p.truth, strict=True)).items()
        ],
    )


@pytest.fixture
def rated(tmp_path, monkeypatch):
    """Two runs on the same test utterances, one of them of an older version."""
    monkeypatch.setattr("affuse.fuse.reporting.comparisons.PERMUTATIONS", 99)
    for design in ("text", "early"):
        save(tmp_path, info_of(design, corpus="toy"), seeds=1)
    add_raters(tmp_path / info_of("early").name)
    return tmp_path


def test_human_raters_are_shown_once_in_every_format(rated):
    tables = collect(rated)
    (table,) = tables
    human = [row for row in table.rows if HUMAN in row.sections]
    names = ["one rater (with the others)", "true opinion (ceiling)"]
    assert [row.name for row in human] == names
    for form in ("text", "markdown", "latex", "csv", "json"):
        found = render(tables, form)
        assert found.count("with the others") == 1
        assert "human raters" in found
    said = " ".join(table.notes)
    assert "over 40 utterances with two or more raters" in said
    assert "utterances have 2 to 3 raters" in said
    assert "Shrout and Fleiss" in said


def test_human_raters_have_intervals_and_no_significance_marks(rated):
    (table,) = collect(rated)
    human = [row for row in table.rows if HUMAN in row.sections]
    for row in human:
        assert not row.versus
        interval = row.sections[HUMAN].mean
        assert interval.low < interval.value < interval.high
    assert human[0].sections[HUMAN].mean.value < human[1].sections[HUMAN].mean.value
    assert not [pair for pair in table.pairs if "rater" in pair.a + pair.b]


def test_programs_find_the_sizes_and_that_nothing_was_published(rated):
    tables = collect(rated)
    content = json.loads(render(tables, "json"))["tables"][0]
    human = [row for row in content["rows"] if HUMAN in row["sections"]]
    assert [(row["published"], row["run"]) for row in human] == [(False, None)] * 2
    lines = [*csv.DictReader(io.StringIO(render(tables, "csv")))]
    found = [line for line in lines if line["section"] == HUMAN]
    assert [line["utterances"] for line in found] == ["40", "40"]
    assert {line["resampled"] for line in found} == {"dialogue"}


def test_runs_without_single_ratings_are_shown_as_before(rated):
    path = rated / info_of("early").name / RunFolder.raters
    with_raters = text_of(rated)
    path.unlink()
    assert HUMAN in with_raters
    assert HUMAN not in text_of(rated)


def test_other_test_utterances_have_rows_of_their_own(rated):
    info = info_of("late", corpus="toy")
    save(rated, info, n=30, seeds=1)
    add_raters(rated / info.name)
    (table,) = collect(rated)
    names = [row.name for row in table.rows if HUMAN in row.sections]
    assert len({*names}) == len(names) == 4
    assert "one rater (with the others, test utterances of late)" in names


def test_a_run_with_damaged_single_ratings_is_named(rated):
    path = rated / info_of("early").name / RunFolder.raters
    path.write_text("id\n", encoding="utf-8")
    damaged = []
    (table,) = collect(rated, damaged=damaged.append)
    assert [row.design for row in table.rows] == ["text"]
    assert "raters.csv has columns" in damaged[0]
