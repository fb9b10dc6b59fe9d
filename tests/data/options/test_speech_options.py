"""Combinations of options of predict on speech that are refused with a sentence."""

import pytest
from cli_calls import call, error_sentence


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("a.wav --segment speech --window 4", "leave --window and --hop out"),
        ("a.wav --segment speech --hop 4", "leave --window and --hop out"),
        ("a.wav --segment speech --text a", "at other times than the texts of --text"),
        ("a.wav --segment speech --transcripts a.csv", "the texts of --transcripts"),
        ("a.wav --transcribe x --text a", "--transcribe x and --text both give texts"),
        ("a.wav --transcribe x --transcripts a.csv", "and --transcripts both give"),
        ("a.wav --language en", "--language en is for speech recognition"),
        ("--text a --transcribe x", "--transcribe is for recordings"),
        ("--text a --segment speech", "--segment is for recordings"),
        ("--text a --speakers a.csv", "--speakers is for recordings"),
        ("--corpus x --segment speech", "--segment is for recordings, and none is"),
        ("--corpus x --transcribe x", "--transcribe is for recordings, and none is"),
        ("--corpus x --speakers a.csv", "--speakers is for recordings, and none is"),
        ("--corpus x --language en", "--language is for recordings, and none is"),
    ],
)
def test_options_that_contradict_each_other_are_refused(words, sentence):
    done = call("predict", "runs/RUN", *words.split())
    assert sentence in error_sentence(done, status=2)
