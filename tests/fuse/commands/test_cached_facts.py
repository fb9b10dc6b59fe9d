"""Facts from the cache: durations of the recordings, and sentences if it is missing."""

import csv

import pytest
import soundfile
from own_runs import TINY, train, write_table

from affuse.fuse.commands.cached_facts import add_cached_facts
from affuse.fuse.commands.report_command import collect


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Runs of gated fusion and of text alone, with their table and their cache."""
    root = tmp_path_factory.mktemp("trained")
    table = write_table(root)
    train(table, root, *TINY, "--fusion", "gated,text")
    return root


def test_durations_are_those_of_the_recordings(trained):
    problems = []
    (table,) = add_cached_facts(
        collect(trained / "runs"), trained / "cache", problems.append
    )
    assert problems == []
    with (trained / "own.csv").open(newline="") as file:
        files = [row["file"] for row in csv.DictReader(file)]
    expected = sorted(soundfile.info(trained / file).duration for file in files)
    assert sorted(table.durations.values()) == pytest.approx(expected, abs=1e-3)
    tested = set(table.sources.parts[0]["all"].predictions.id.tolist())
    assert tested <= set(table.durations)
    caches = sorted(log.steps[0].unit for log in table.extractions.values())
    assert caches == ["audio-s", "char"]
    steps = [step for log in table.extractions.values() for step in log.steps]
    assert {step.command for step in steps} == {"extract"}
    (ablation,) = table.ablations  # text alone has nothing to remove
    assert set(ablation.weights) == {"audio", "text"}


def test_a_missing_cache_is_named_and_the_table_stays(trained):
    problems = []
    tables = collect(trained / "runs")
    (table,) = add_cached_facts(tables, trained / "nowhere", problems.append)
    assert (table.durations, table.ablations, table.extractions) == ({}, (), {})
    assert table.rows == tables[0].rows
    assert len(problems) == 2
    assert all("nowhere" in sentence for sentence in problems)
