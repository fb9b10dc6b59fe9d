"""Degradations of transcripts have the error rates and the words that they state."""

from pathlib import Path

import numpy as np
import pytest

from affuse.data.errors import OptionError
from affuse.data.records import Corpus, Utterance
from affuse.extract.degradations.condition import default_conditions, parse_condition
from affuse.extract.degradations.degradation_record import Draws
from affuse.extract.degradations.degraded_texts import degrade_texts
from affuse.extract.degradations.words_degradation import SHARES

PLAIN = "it was not so bad a day to say that all were well in the end".split()
NEW = tuple(f"new{k}" for k in range(500))


def corpus(count=400):
    rng = np.random.default_rng(0)
    sizes = rng.integers(3, 20, count)
    texts = [" ".join(rng.choice(PLAIN, n)).capitalize() + "." for n in sizes]
    rows = (Utterance(f"u{k}", text=text) for k, text in enumerate(texts))
    return Corpus("toy", Path(), tuple(rows), scale=None, protocol="")


def degraded(text, found, words=NEW):
    by_id = {u.id: words for u in found.utterances}
    return degrade_texts(found, parse_condition(text), by_id)


@pytest.mark.parametrize("rate", [1, 5, 10, 20, 40])
def test_the_word_error_rate_is_reached(rate):
    jiwer = pytest.importorskip("jiwer")
    given = corpus()
    found = degraded(f"words:{rate}", given)
    pairs = ([u.text for u in each.utterances] for each in (given, found))
    assert 100 * jiwer.wer(*pairs) == pytest.approx(rate, abs=1.0)


def test_the_errors_have_their_shares():
    jiwer = pytest.importorskip("jiwer")
    given = corpus(2_000)
    found = degraded("words:10", given)
    pairs = ([u.text for u in each.utterances] for each in (given, found))
    counts = jiwer.process_words(*pairs)
    kinds = np.array([counts.substitutions, counts.deletions, counts.insertions])
    assert kinds / kinds.sum() == pytest.approx(SHARES, abs=0.04)


def test_new_words_are_words_of_the_training_transcripts():
    given = corpus()
    found = degraded("words:40", given)
    words = {w.strip(".").lower() for u in found.utterances for w in u.text.split()}
    assert words <= {*PLAIN, *NEW}
    assert len(words & {*NEW}) > 100


def test_an_utterance_has_the_same_errors_in_any_corpus():
    given = corpus()
    (alone,) = [u for u in given.utterances if u.id == "u7"]
    part = Corpus("toy", Path(), (alone,), scale=None, protocol="")
    whole = {u.id: u.text for u in degraded("words:40", given).utterances}
    assert degraded("words:40", part).utterances[0].text == whole["u7"]
    assert whole["u7"] != alone.text


def test_utterances_without_a_text_stay_without_one():
    given = Corpus("toy", Path(), (Utterance("a"),), scale=None, protocol="")
    assert degraded("words:40", given).utterances == given.utterances
    assert degraded("empty", given).utterances[0].text is None


def text_of(condition, text):
    kind = parse_condition(condition)
    draws = Draws(kind.generator("a"), NEW)
    return kind.degradation.apply(text, kind.value or 0.0, draws)


def test_plain_texts_have_no_case_and_no_punctuation():
    assert text_of("plain", 'Well -- I DON\'T know, "Bob"!') == "well i don't know bob"
    assert text_of("plain", "...") == ""


def test_empty_texts_are_empty():
    assert text_of("empty", "Well.") == ""


def test_a_text_without_words_has_no_word_errors():
    assert text_of("words:100", "") == ""
    assert text_of("words:100", "...") == "..."


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("nois:10", "did you mean 'noise'"),
        ("noise", "needs a value in dB SNR between -20 and 60, as in noise:20"),
        ("noise:loud", "needs a value in dB SNR"),
        ("noise:nan", "needs a value in dB SNR"),
        ("noise:inf", "needs a value in dB SNR between -20 and 60"),
        ("noise:80", "between -20 and 60"),
        ("white:-30", "between -20 and 60"),
        ("clipping:0", "needs a value in dB between 1 and 60, as in clipping:20"),
        ("clipping:-6", "between 1 and 60"),
        ("clipping:90", "between 1 and 60"),
        ("gain:0", "in dB from -60 to -1 or from 1 to 60, as in gain:-30"),
        ("gain:nan", "from -60 to -1 or from 1 to 60"),
        ("gain:-90", "from -60 to -1 or from 1 to 60"),
        ("gain:0.5", "from -60 to -1 or from 1 to 60"),
        ("reverberation:0", "between 0.05 and 10"),
        ("reverberation:-1", "between 0.05 and 10"),
        ("words:0", "between 1 and 100"),
        ("words:101", "between 1 and 100"),
        ("telephone:8", "telephone takes no value"),
    ],
)
def test_a_wrong_condition_is_explained(text, sentence):
    with pytest.raises(OptionError, match=sentence):
        parse_condition(text)


def test_a_negative_zero_is_no_condition_of_its_own():
    assert parse_condition("noise:-0").text == "noise:0"


def test_the_default_conditions_are_as_documented():
    found = {m: [c.text for c in default_conditions(m)] for m in ("audio", "text")}
    assert found == {
        "audio": [
            *("clipping:20", "gain:-30", "mp3", "noise:20", "noise:10", "noise:0"),
            *("opus", "reverberation:0.5", "reverberation:1.5", "telephone"),
        ],
        "text": [
            *("empty", "plain", "words:5", "words:10", "words:20", "words:40"),
        ],
    }
