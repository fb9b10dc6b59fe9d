"""Word error rate: normalisation, counts and sums."""

import sys

import pytest

from affuse.data.errors import AffuseError
from affuse.extract.transcription.word_errors import (
    WordErrors,
    count_errors,
    demand_jiwer,
    normalise_words,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don\N{RIGHT SINGLE QUOTATION MARK}t!", "don't"),
        ("'Tis the dogs' \"end\"", "tis the dogs end"),
        ("self-pity -- a_b", "self pity a b"),
        ("\N{LATIN SMALL LIGATURE FI}sh, FISH", "fish fish"),
        ("Über 21 % Straße", "über 21 strasse"),
        (" ... ", ""),
    ],
)
def test_texts_are_normalised_before_they_are_compared(text, words):
    assert normalise_words(text) == words


@pytest.mark.parametrize(
    ("gold", "recognised", "expected"),
    [
        ("You came back.", "you CAME back", WordErrors(3, 0, 0, 0)),
        ("a b c d", "a x c d e", WordErrors(4, 1, 0, 1)),
        ("a b", "", WordErrors(2, 0, 2, 0)),
        ("", "a b", WordErrors(0, 0, 0, 2)),
        ("...", "", WordErrors()),
    ],
)
def test_errors_are_those_of_the_best_alignment(gold, recognised, expected):
    pytest.importorskip("jiwer", reason="needs the extra transcribe")
    assert count_errors(gold, recognised) == expected


def test_sums_weight_utterances_by_their_words():
    total = WordErrors.total([WordErrors(3, 1, 0, 0), WordErrors(0, 0, 0, 1)])
    assert total == WordErrors(3, 1, 0, 1)
    assert total.rate == pytest.approx(2 / 3)
    assert WordErrors(0, 0, 0, 1).rate is None
    assert WordErrors.total([]) == WordErrors()


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "jiwer", None)
    with pytest.raises(AffuseError, match=r"needs the package jiwer; .*\[transcribe\]"):
        demand_jiwer()
