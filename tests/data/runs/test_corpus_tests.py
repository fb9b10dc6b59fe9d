"""Files of the predictions for a test corpus, and their damage."""

import dataclasses
import json

import numpy as np
import pytest
from report_runs import info_of, save

from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.runs.corpus_tests import (
    CorpusTest,
    read_corpus_tests,
    write_corpus_test,
)
from affuse.data.runs.fold_table import FoldRow
from affuse.data.runs.run_folder import RunFolder
from affuse.data.runs.run_predictions import Predictions, read_run

FACTS = CorpusTest(
    corpus="other",
    nature="proxy",
    targets=("valence", "arousal"),
    models={"one/seed-0": "00", "two/seed-0": "11"},
    identity="0123",
    utterances=4,
    left_out={"no audio embedding": 1},
    notes=("a sentence",),
)
IDS = ("a", "b", "c")
ROWS = [FoldRow("", "test", id_, speaker="anna") for id_ in IDS]


@pytest.fixture
def run(tmp_path):
    info = info_of("late")
    save(tmp_path, info)
    return tmp_path / info.name


def predicted(folds=("one", "two"), ids=IDS):
    size = len(folds) * len(ids)
    truth = np.tile(np.arange(2.0 * len(ids)).reshape(len(ids), 2), (len(folds), 1))
    return Predictions(
        id=np.tile(np.array(ids), len(folds)),
        fold=np.repeat(np.array(folds), len(ids)),
        seed=np.zeros(size, int),
        truth=truth / 10,
        predicted=truth / 20,
    )


def write(run, facts=FACTS, rows=ROWS, predictions=None):
    found = predicted() if predictions is None else predictions
    write_corpus_test(run, read_run(run).info, facts, rows, found)
    return RunFolder(run).corpus_test(facts.corpus)


def read(run):
    return read_corpus_tests(read_run(run))


def test_a_run_without_tests_has_none(run):
    assert read(run) == ()


def test_what_was_written_is_read_again(run):
    write(run)
    (test,) = read(run)
    assert test.facts == FACTS
    assert test.run.info.targets == FACTS.targets
    np.testing.assert_array_equal(test.run.predictions.truth, predicted().truth)
    places = [(row.fold, row.id) for row in test.run.folds]
    assert places == [(fold, id_) for fold in ("one", "two") for id_ in IDS]
    assert {row.part for row in test.run.folds} == {"test"}


def test_tests_are_no_models_of_the_run(run):
    write(run, dataclasses.replace(FACTS, corpus="seed-1"))
    assert RunFolder(run).models() == []


def test_models_that_predict_different_utterances_are_refused(run):
    found = predicted()
    rows = np.arange(len(found)) != 1
    columns = {f.name: getattr(found, f.name)[rows] for f in dataclasses.fields(found)}
    write(run, predictions=Predictions(**columns))
    with pytest.raises(DamagedFileError, match="different utterances or ratings"):
        read(run)


@pytest.mark.parametrize("name", ["folds.csv", "predictions.csv"])
def test_a_missing_file_is_named(run, name):
    (write(run).path / name).unlink()
    with pytest.raises(DamagedFileError, match=name):
        read(run)


def test_a_test_of_another_corpus_is_refused(run):
    folder = write(run)
    folder.path.rename(folder.path.with_name("renamed"))
    with pytest.raises(DamagedFileError, match="is a test with 'other'"):
        read(run)


def test_facts_that_are_not_valid_are_refused(run):
    folder = write(run)
    folder.manifest.unlink()
    facts = json.loads(folder.facts.read_text())
    for changes in ({"nature": "real"}, {"corpus": ".."}, {"targets": ["joy"]}):
        folder.facts.write_text(json.dumps(facts | changes))
        with pytest.raises(DamagedFileError):
            read(run)


def test_nothing_is_written_through_a_link(run, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (run / "tests").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(AffuseError, match="is a link"):
        write(run)
