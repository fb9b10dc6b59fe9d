"""Commands that take one corpus refuse ``--corpus`` with a sentence."""

import pytest
from cli_calls import call


@pytest.mark.parametrize(
    "words",
    [
        ["run", "demo", "--fusion", "early", "--corpus", "emodb"],
        ["run", "--corpus=demo", "--corpus", "emodb"],
        ["finetune", "--corpus", "demo", "--corpus", "emodb"],
        ["extract", "demo", "--corpus", "demo"],
    ],
)
def test_several_corpora_are_refused_with_what_to_do(words):
    done = call(*words)
    assert done.exit_code == 2
    assert f"Error: {words[0]} takes one corpus, which is named without" in done.stderr
    assert "then repeat --corpus of train, as in: train --corpus demo" in done.stderr


def test_other_options_that_do_not_exist_are_reported_as_before():
    done = call("run", "demo", "--corpse", "emodb")
    assert done.exit_code == 2
    assert "No such option '--corpse'" in done.stderr


def test_fold_specific_encoders_need_one_training_corpus(tmp_path):
    done = call(
        *("train", "--fusion", "text", "--corpus", "demo", "--corpus", "emodb"),
        *("--cache", tmp_path, "--finetuned", tmp_path),
    )
    assert done.exit_code == 2
    assert "encoders for the folds of one corpus, and --corpus names 2" in done.stderr
