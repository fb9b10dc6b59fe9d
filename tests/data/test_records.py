import math
from pathlib import Path

import pytest

from affuse.data.records import ID_LENGTH, Corpus, Problem, Utterance


def corpus(**changes):
    facts = {"scale": (1, 5), "protocol": "loso", "utterances": ()}
    return Corpus(**{"name": "toy", "root": Path(), **facts, **changes})


@pytest.mark.parametrize("name", ["a", "it's ä 日本", "x" * ID_LENGTH])
def test_an_id_may_be_any_printable_text(name):
    assert Utterance(id=name).id == name


@pytest.mark.parametrize("name", ["", "x" * (ID_LENGTH + 1), "a\nb", "a\0", "\udcff"])
def test_an_empty_long_or_unprintable_id_is_refused(name):
    with pytest.raises(ValueError, match="must be 1 to 200 characters, all printable"):
        Utterance(id=name)


@pytest.mark.parametrize("span", [(0, None), (0.0, 0.1), (None, None), (None, 2.0)])
def test_a_span_may_have_no_end(span):
    assert Utterance(id="a", span=span, start=span[0], end=span[1]).span == span


@pytest.mark.parametrize(
    ("begin", "end"),
    [(-0.1, 1), (1, 1), (2, 1), (-1, None), (None, -1), (None, 0), (math.inf, None)]
    + [(math.nan, 1), (0, math.nan), (math.nan, None)],
)
def test_a_span_that_ends_before_its_start_is_refused(begin, end):
    with pytest.raises(ValueError, match=f"'a' spans {begin}..{end} s; the start"):
        Utterance(id="a", span=(begin, end))
    with pytest.raises(ValueError, match=f"'a' spans {begin}..{end} s; the start"):
        Utterance(id="a", start=begin, end=end)


@pytest.mark.parametrize("channel", [0, -1])
def test_channels_are_counted_from_1(channel):
    assert Utterance(id="a", channel=1).channel == 1
    with pytest.raises(ValueError, match="channels are counted from 1"):
        Utterance(id="a", channel=channel)


def test_control_characters_of_a_problem_are_escaped():
    # bytes of a file name that are no UTF-8, and a sequence that clears the terminal
    found = Problem("wav/\udcff\x1b[2J.wav", "has\nlines", id="a\tb")
    assert found == Problem(r"wav/\udcff\x1b[2J.wav", r"has\nlines", id=r"a\tb")
    assert all(text.isprintable() for text in (found.file, found.reason, found.id))


def test_printable_text_of_a_problem_is_not_changed():
    text = r"ä 日本 'C:\wav' \n"
    assert Problem(text, text).file == text


@pytest.mark.parametrize("name", ["", "../toy", "/toy", ".toy", "a b", "-toy"])
def test_a_corpus_name_that_cannot_be_a_folder_is_refused(name):
    with pytest.raises(ValueError, match="becomes a folder: use letters, digits"):
        corpus(name=name)


def test_a_corpus_of_unknown_nature_is_refused():
    with pytest.raises(ValueError, match="one of human, synthetic, proxy, got 'alien'"):
        corpus(nature="alien")


@pytest.mark.parametrize(
    "scale", [(5, 1), (1, 1), (math.nan, 1), (-math.inf, math.inf), (0, math.inf)]
)
def test_a_scale_that_does_not_rise_is_refused(scale):
    with pytest.raises(ValueError, match="must be two numbers, the lowest rating"):
        corpus(scale=scale)


def test_a_corpus_without_ratings_has_no_scale():
    assert corpus(scale=None).scale is None
