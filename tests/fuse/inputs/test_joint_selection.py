"""Training on several corpora together, with the command line."""

import pytest
from cli_calls import call
from several_corpora import changed, corpus, embeddings, only_run, train, write

from affuse.data.runs.corpus_tests import read_corpus_tests
from affuse.data.runs.run_predictions import read_run


@pytest.fixture
def root(tmp_path):
    """Folder with caches of the corpora a, b and c."""
    for name in "abc":
        write(tmp_path / "cache", corpus(name))
    return tmp_path


def test_a_training_set_is_trained_tested_and_linted(root):
    done = train(root, "--corpus", "b", "--corpus", "a", "--test-corpus", "c")
    assert done.exit_code == 0, done.output
    folder = only_run(root)
    assert folder.name.startswith("a+b-ridge-speakers-")
    run = read_run(folder)
    assert [member.name for member in run.info.members] == ["a", "b"]
    assert run.info.scale == (1.0, 5.0)
    for fold in ("speakers1", "speakers2", "speakers3"):
        tested = run.predictions.id[run.predictions.fold == fold].tolist()
        assert {id_[:2] for id_ in tested} == {"a/", "b/"}
    (test,) = read_corpus_tests(run)
    assert (test.facts.corpus, test.facts.left_out) == ("c", {})
    linted = call("lint", folder, "--cache", root / "cache")
    assert linted.exit_code == 0, linted.output
    assert "not those that the run was trained on" not in linted.output


def test_the_order_of_the_options_does_not_matter(root):
    train(root, "--corpus", "a", "--corpus", "b")
    for words in (("--corpus", "b", "--corpus", "a"), ("--corpus", "b+a")):
        done = train(root, *words)
        assert "nothing to train; finished already: 3 models" in done.output
    only_run(root)


def test_a_corpus_that_is_named_twice_is_one(root):
    assert train(root, "--corpus", "a", "--corpus", "a").exit_code == 0
    assert only_run(root).name.startswith("a-ridge-speakers-")


def test_a_training_corpus_is_no_test_corpus(root):
    words = ("--corpus", "a", "--corpus", "b", "--test-corpus", "b")
    assert "--test-corpus b is a training corpus" in train(root, *words).stderr


def test_a_training_set_is_predicted_by_its_name_or_by_corpus(root):
    train(root, "--corpus", "a", "--corpus", "b")
    words = ("predict", only_run(root), "--cache", root / "cache", "--corpus")
    both, one = call(*words, "a+b"), call(*words, "b")
    assert len(both.stdout.splitlines()) == 121
    assert len(one.stdout.splitlines()) == 61
    rows = [line.split(",") for line in one.stdout.splitlines()]
    column = rows[0].index("trained_on")
    assert {row[column] for row in rows[1:]} == {"2"}  # of three folds


def test_other_embeddings_are_refused_with_a_command(root):
    write(root / "cache", corpus("d"), embeddings("d", dtype="bfloat16"))
    done = train(root, "--corpus", "a", "--corpus", "d")
    assert done.exit_code == 1
    assert "embeddings of 'd' were extracted with dtype='bfloat16'" in done.stderr
    assert " extract " in done.stderr
    assert "--corpus a+d" in done.stderr


def test_a_recording_in_two_parts_is_a_leak(root):
    write(root / "cache", corpus("x"), embeddings("x", shared=60))
    found = corpus("y")
    people = [u.speaker for u in found.utterances]
    for row in range(60):  # other speakers, so that other folds test the copies
        found = changed(found, [row], speaker=people[(row + 1) % 60])
    write(root / "cache", found, embeddings("y", shared=60))
    done = train(root, "--corpus", "x", "--corpus", "y")
    assert done.exit_code == 1
    assert "120 utterances have a recording that another corpus" in done.output
    assert "recordings: FAILS" in done.stderr
    assert not (root / "runs").exists()


def test_fold_specific_encoders_belong_to_one_corpus(root):
    words = ("--corpus", "a", "--corpus", "b", "--finetuned", root / "cache")
    done = train(root, *words)
    assert done.exit_code == 2
    assert "has encoders for the folds of one corpus" in done.stderr
