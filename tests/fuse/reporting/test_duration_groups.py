"""Groups of utterances by duration: every utterance of a known duration is in one."""

import pytest
from report_runs import info_of, save

from affuse.data.runs.run_predictions import read_run
from affuse.fuse.reporting.duration_groups import duration_groups


@pytest.fixture
def run(tmp_path):
    save(tmp_path, info_of("early"))
    return read_run(tmp_path / info_of("early").name)


def seconds_of(run):
    """Return durations from 0.5 s in steps of 0.1 s."""
    ids = sorted(set(run.predictions.id.tolist()))
    return {id_: 0.5 + 0.1 * k for k, id_ in enumerate(ids)}


def test_four_groups_hold_every_utterance_once(run):
    seconds = seconds_of(run)
    groups = duration_groups(run, seconds)
    assert len(groups) == 4
    members = [set(part.predictions.id.tolist()) for part in groups.values()]
    assert set().union(*members) == set(seconds)
    assert sum(map(len, members)) == len(seconds) == 40
    assert all(8 <= len(each) <= 12 for each in members)


def test_a_group_holds_the_durations_of_its_name(run):
    seconds = seconds_of(run)
    groups = duration_groups(run, seconds)
    for name, part in groups.items():
        low, high = (float(word) for word in name.removesuffix(" s").split(" to "))
        found = [seconds[id_] for id_ in part.predictions.id.tolist()]
        assert low - 0.051 <= min(found)
        assert max(found) <= high + 0.051


def test_utterances_of_unknown_duration_are_in_no_group(run):
    seconds = seconds_of(run)
    unknown = min(seconds)
    del seconds[unknown]
    groups = duration_groups(run, seconds)
    found = {id_ for part in groups.values() for id_ in part.predictions.id.tolist()}
    assert found == set(seconds)


@pytest.mark.parametrize("seconds", [{}, {"elsewhere": 1.0}])
def test_without_durations_there_are_no_groups(run, seconds):
    assert duration_groups(run, seconds) == {}


def test_equal_durations_are_no_groups(run):
    assert duration_groups(run, dict.fromkeys(seconds_of(run), 2.0)) == {}
