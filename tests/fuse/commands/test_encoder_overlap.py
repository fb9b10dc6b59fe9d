"""Utterances of a test corpus that an encoder was trained on."""

import pytest
from several_corpora import corpus, embeddings, only_run, train, write

from affuse.data.runs.corpus_tests import read_corpus_tests
from affuse.data.runs.run_predictions import read_run


@pytest.fixture
def record():
    """Training data of an encoder, as its recipe states it."""
    return {"seen": [{"corpus": "there", "speakers": ["1F"]}]}


def test_speakers_of_an_encoder_are_left_out(tmp_path, record):
    for name in ("here", "there"):
        write(tmp_path / "cache", corpus(name), embeddings(name, training=record))
    done = train(tmp_path, "--corpus", "here", "--test-corpus", "there")
    assert done.exit_code == 0, done.output
    (test,) = read_corpus_tests(read_run(only_run(tmp_path)))
    assert test.facts.left_out == {"an input that an encoder was trained on": 6}
    assert "1F" not in {row.speaker for row in test.run.folds}


def test_the_rule_of_the_linter_knows_each_corpus_of_a_training_set(tmp_path, record):
    for name in ("here", "there"):
        write(tmp_path / "cache", corpus(name), embeddings(name, training=record))
    done = train(tmp_path, "--corpus", "here", "--corpus", "there")
    assert done.exit_code == 1
    assert "has seen there (trained on it)" in done.stderr
    assert "--allow encoders" in done.stderr
