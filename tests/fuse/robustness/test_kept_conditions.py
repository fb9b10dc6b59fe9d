"""Conditions that a run keeps when `robustness` measures others."""

import dataclasses
import errno
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from trained_runs import train_run

from affuse.data.runs.run_folder import RunFolder
from affuse.data.system import digests
from affuse.fuse.robustness import kept_conditions, robustness_file
from affuse.fuse.robustness.condition_records import (
    ConditionFacts,
    ConditionScore,
    RobustnessResult,
)
from affuse.fuse.robustness.kept_conditions import store
from affuse.fuse.scoring.intervals import Interval


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return train_run(tmp_path_factory.mktemp("runs"), "early", epochs=1, seeds=(0,))


@pytest.fixture
def folder(trained):
    RunFolder(trained).robustness.unlink(missing_ok=True)
    return trained


def score(name, value, modality="audio"):
    interval = Interval(value, value - 0.1, value + 0.1)
    facts = ConditionFacts(name, name, name, modality)
    return ConditionScore(facts, {"valence": interval}, interval, interval)


def result(folder, conditions, utterances=60, clean=0.5, notes=()):
    """Return a result with a clean CCC, and the CCC of each condition."""
    modalities = {"noise": "audio", "telephone": "audio", "words": "text"}
    scores = [score(n, v, modalities[n]) for n, v in conditions.items()]
    return RobustnessResult(
        run=folder.name,
        design="early",
        corpus="demo",
        nature="synthetic",
        targets=("valence",),
        scores=(score("clean", clean, ""), *scores),
        utterances=utterances,
        tested=60,
        folds=1,
        seeds=1,
        unit="dialogue",
        clusters=6,
        predictions=digests.digest(RunFolder(folder).predictions),
        notes=tuple(notes),
    )


def found(folder):
    """Return the mean CCC of each condition of the run."""
    scores = robustness_file.read(folder).scores
    return {each.facts.text: each.mean.value for each in scores}


def test_a_trial_of_few_utterances_does_not_replace_the_whole_table(folder):
    store(folder, result(folder, {"noise": 0.3, "words": 0.2}))
    before = RunFolder(folder).robustness.read_bytes()
    sentence = store(folder, result(folder, {"noise": 0.1}, utterances=5))
    assert RunFolder(folder).robustness.read_bytes() == before
    assert "keeps 2 conditions on 60 utterances; remove that file" in sentence


def test_another_condition_is_added_to_those_of_the_run(folder):
    old = ("noise: old", "words: kept")
    store(folder, result(folder, {"noise": 0.3, "words": 0.2}, notes=old))
    new = result(folder, {"telephone": 0.4, "noise": 0.35}, notes=("noise: new",))
    sentence = store(folder, new)
    assert "with 1 condition of earlier commands" in sentence
    expected = {"clean": 0.5, "noise": 0.35, "telephone": 0.4, "words": 0.2}
    assert found(folder) == expected
    assert [*found(folder)] == [*expected]
    assert robustness_file.read(folder).notes == ("words: kept", "noise: new")


@pytest.mark.parametrize("changed", [{"utterances": 61}, {"clean": 0.4}])
def test_a_result_of_other_utterances_replaces_the_table(folder, changed):
    store(folder, result(folder, {"noise": 0.3}))
    sentence = store(folder, result(folder, {"words": 0.1}, **changed))
    assert "it replaces 1 condition on 60 utterances" in sentence
    assert [*found(folder)] == ["clean", "words"]


def test_a_table_of_other_models_or_a_damaged_one_is_replaced(folder):
    old = result(folder, {"noise": 0.3}, utterances=100)
    robustness_file.write(folder, dataclasses.replace(old, predictions="0" * 64))
    store(folder, result(folder, {"words": 0.1}))
    assert [*found(folder)] == ["clean", "words"]
    RunFolder(folder).robustness.write_text("{")
    store(folder, result(folder, {"noise": 0.1}))
    assert [*found(folder)] == ["clean", "noise"]


def test_two_commands_at_once_keep_the_conditions_of_both(folder, monkeypatch):
    store(folder, result(folder, {"telephone": 0.4}))
    read, both = robustness_file.read, threading.Barrier(2)

    def read_together(where):
        found = read(where)
        with suppress(threading.BrokenBarrierError):  # the other one waits its turn
            both.wait(timeout=1)
        return found

    monkeypatch.setattr(robustness_file, "read", read_together)
    each = [result(folder, {name: 0.3}) for name in ("noise", "words")]
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda one: store(folder, one), each)
    monkeypatch.undo()
    assert {*found(folder)} == {"clean", "telephone", "noise", "words"}
    assert "with 2 conditions of earlier commands" in first + second
    manifest = digests.read(folder)
    assert manifest[RunFolder.robustness] == digests.digest(
        RunFolder(folder).robustness
    )
    assert not [*folder.glob(".*lock")]


def test_a_run_that_keeps_its_table_is_not_written(folder, monkeypatch):
    store(folder, result(folder, {"noise": 0.3}))

    def refuse(path, **_):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(kept_conditions, "claim", refuse)  # as in a read-only folder
    sentence = store(folder, result(folder, {"noise": 0.1}, utterances=5))
    assert "keeps 1 condition on 60 utterances" in sentence
