"""Training with other corpora to test with: what is predicted, kept and left out."""

import json

import numpy as np
import pytest
from several_corpora import changed, corpus, embeddings, only_run, train, write

from affuse.data.runs.corpus_tests import read_corpus_tests
from affuse.data.runs.run_folder import RunFolder
from affuse.data.runs.run_predictions import read_run
from affuse.fuse.scoring.metrics import ccc
from affuse.fuse.trained.model_folders import finished_models


@pytest.fixture
def root(tmp_path):
    """Folder with caches of the corpora here and there."""
    for name in ("here", "there"):
        write(tmp_path / "cache", corpus(name))
    return tmp_path


def read_tests(root):
    return read_corpus_tests(read_run(only_run(root)))


@pytest.fixture(scope="module")
def tested(tmp_path_factory):
    """Output of a training, and its tests with corpora of other scales and ratings."""
    root = tmp_path_factory.mktemp("tested")
    nine, two = corpus("nine", scale=(1.0, 9.0)), corpus("two")
    for row, u in enumerate(corpus("any").utterances):
        wide = {name: 2 * value - 1 for name, value in u.ratings.items()}
        nine = changed(nine, [row], ratings=wide)
        kept = {n: v for n, v in u.ratings.items() if n != "dominance"}
        two = changed(two, [row], ratings=kept)
    for found in (corpus("here"), corpus("there"), nine, two):
        write(root / "cache", found)
    words = [w for n in ("there", "nine", "two") for w in ("--test-corpus", n)]
    done = train(root, "--corpus", "here", *words)
    assert done.exit_code == 0, done.output
    run = only_run(root)
    return run, done.output, {t.facts.corpus: t for t in read_tests(root)}


def test_every_model_predicts_the_whole_test_corpus(tested):
    _, output, tests = tested
    assert "ridge, tested with there: 60 utterances\n" in output
    predictions, facts = tests["there"].run.predictions, tests["there"].facts
    assert len(predictions) == 3 * 60  # three folds with one model each
    assert {*predictions.fold} == {"speakers1", "speakers2", "speakers3"}
    assert facts.left_out == {}
    assert (facts.nature, facts.utterances) == ("synthetic", 60)
    assert ccc(predictions.truth[:, 0], predictions.predicted[:, 0]) > 0.5


def test_only_common_ratings_are_scored(tested):
    test = tested[2]["two"]
    assert test.facts.targets == ("valence", "arousal")
    assert test.run.predictions.truth.shape == (180, 2)
    assert test.facts.notes == (
        "two has no ratings of dominance, so the mean is without them",
    )


def test_ratings_are_on_the_scale_of_their_corpus(tested):
    nine, there = (tested[2][name].run.predictions for name in ("nine", "there"))
    np.testing.assert_allclose(nine.truth, there.truth, atol=1e-6)


def test_the_manifest_of_the_run_lists_the_test(tested):
    run = tested[0]
    folder = RunFolder(run).corpus_test("there")
    assert "tests/there/SHA256SUMS" in (run / "SHA256SUMS").read_text()
    assert {p.name for p in folder.path.iterdir() if p.suffix} == {
        "test.json",
        "folds.csv",
        "predictions.csv",
    }
    models = json.loads(folder.facts.read_text())["models"]
    assert sorted(models) == [f"speakers{k}/seed-0" for k in (1, 2, 3)]
    assert len(finished_models(run)) == 3  # tests are no models


def test_models_do_not_depend_on_test_corpora(root, tmp_path):
    alone, tested = tmp_path / "alone", root
    alone.mkdir()
    (alone / "cache").symlink_to(root / "cache")
    assert train(alone, "--corpus", "here").exit_code == 0
    assert train(tested, "--corpus", "here", "--test-corpus", "there").exit_code == 0
    one, other = only_run(alone), only_run(tested)
    assert one.name == other.name
    for name in ("predictions.csv", "run.json", "speakers1/seed-0/model.safetensors"):
        assert (one / name).read_bytes() == (other / name).read_bytes()


def test_a_repeated_command_only_adds_another_test_corpus(root):
    write(root / "cache", corpus("third"))
    train(root, "--corpus", "here", "--test-corpus", "there")
    run = only_run(root)
    before = RunFolder(run).corpus_test("there").predictions.stat()
    words = ("--test-corpus", "there", "--test-corpus", "third")
    done = train(root, "--corpus", "here", *words)
    assert "ridge, tested with there: finished already" in done.output
    assert "ridge, tested with third: 60 utterances" in done.output
    after = RunFolder(run).corpus_test("there").predictions.stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)
    assert [t.facts.corpus for t in read_tests(root)] == ["there", "third"]


def test_a_test_that_was_changed_is_made_again(root):
    train(root, "--corpus", "here", "--test-corpus", "there")
    path = RunFolder(only_run(root)).corpus_test("there").predictions
    intact = path.read_bytes()
    path.write_bytes(intact.replace(b".", b".1", 1))
    done = train(root, "--corpus", "here", "--test-corpus", "there")
    assert "finished already" not in done.output.partition("tested with")[2]
    assert path.read_bytes() == intact


def test_recordings_sentences_and_speakers_of_the_training_are_left_out(root):
    speakers = {u.speaker for u in corpus("x").utterances[:3]}
    assert speakers == {"1F", "2M", "3F"}
    found = changed(corpus("copy"), [7], sentence="here u007", speaker="4M")
    write(root / "cache", found, embeddings("copy", shared=3))
    write(root / "cache", corpus("origin"), embeddings("origin", shared=3))
    words = changed(corpus("origin"), [7], sentence="here u007")
    write(root / "cache", words, embeddings("origin", shared=3))
    done = train(root, "--corpus", "origin", "--test-corpus", "copy")
    assert done.exit_code == 0, done.output
    (test,) = read_tests(root)
    assert test.facts.left_out == {
        "a recording that is in training or validation": 3,
        "a sentence that is in training or validation": 1,
        "a speaker who is in training or validation": 15,
    }
    scored = {row.speaker for row in test.run.folds}
    assert not scored & speakers


def test_an_allowed_rule_keeps_its_utterances(root):
    found = changed(corpus("copy"), [7], sentence="here u007")
    write(root / "cache", found)
    words = ("--corpus", "here", "--test-corpus", "copy")
    train(root, *words)
    assert sum(read_tests(root)[0].facts.left_out.values()) == 1
    done = train(root, *words, "--allow", "sentences")
    assert "ridge, tested with copy: 60 utterances\n" in done.output
    facts = read_tests(root)[0].facts
    assert facts.left_out == {}
    assert facts.notes == (
        "1 utterance of copy scored in spite of a sentence that is in training or "
        "validation, because --allow was given",
    )


def test_a_copy_of_the_training_corpus_is_refused(root):
    write(root / "cache", corpus("copy"), embeddings("copy", shared=60))
    write(root / "cache", corpus("first"), embeddings("first", shared=60))
    done = train(root, "--corpus", "first", "--test-corpus", "copy")
    assert done.exit_code == 1
    assert "60 have a recording that is in training or validation" in done.stderr


def test_a_training_corpus_is_no_test_corpus(root):
    done = train(root, "--corpus", "here", "--test-corpus", "here")
    assert done.exit_code == 2
    assert "--test-corpus here is a training corpus" in done.stderr
    assert not (root / "runs").exists()


def test_a_missing_test_corpus_is_named_before_training(root):
    done = train(root, "--corpus", "here", "--test-corpus", "their")
    assert done.exit_code == 2
    assert "corpus 'their' is not in" in done.stderr
    assert "did you mean 'there'" in done.stderr
    assert not (root / "runs").exists()


def test_embeddings_of_another_recipe_are_refused_with_a_command(root):
    write(root / "cache", corpus("wide"), embeddings("wide", dtype="bfloat16"))
    done = train(root, "--corpus", "here", "--test-corpus", "wide")
    assert done.exit_code == 1
    assert "embeddings of 'wide' were extracted with dtype='bfloat16'" in done.stderr
    assert "which this command trains on" in done.stderr
    assert " extract " in done.stderr
    assert "train --fusion ridge" in done.stderr
    assert not (root / "runs").exists()


def test_a_design_whose_modality_the_corpus_lacks_is_not_tested(root, caplog):
    both = [embeddings("both", name) for name in ("audio", "text")]
    write(root / "cache", corpus("both"), *both)
    done = train(root, "--corpus", "both", "--test-corpus", "here")
    assert done.exit_code == 0, done.output
    assert "ridge is not tested with here, which has no text embeddings" in caplog.text
    assert read_tests(root) == ()
