"""Utterances of a test corpus that a training corpus contains."""

from pathlib import Path

from affuse.data.cache.recording_spans import RecordingSpan
from affuse.data.records import Corpus, Member, Utterance
from affuse.fuse.commands.seen_utterances import (
    KeyedCorpus,
    count_incomparable,
    count_reasons,
    find_seen,
    first_reasons,
)
from affuse.fuse.commands.training_overlap import ComparisonKeys


def keyed(name, *utterances, recordings=None, stretches=None, words=None, **facts):
    found = Corpus(name, Path(), tuple(utterances), (1.0, 5.0), "", **facts)
    keys = ComparisonKeys(name, recordings or {}, stretches or {}, words or {})
    return KeyedCorpus(found, keys)


def test_an_equal_recording_is_seen_and_so_is_its_speaker():
    tested = keyed(
        "new",
        *(Utterance(i, speaker="anna") for i in "ab"),
        Utterance("c", speaker="ben"),
        recordings={"a": ("samples 1",)},
    )
    trained = keyed("old", Utterance("x"), recordings={"x": ("samples 1",)})
    assert find_seen(tested, trained, ["x"]) == {
        "a": {"recordings", "speakers"},
        "b": {"speakers"},
    }


def test_an_utterance_that_only_tests_is_not_seen():
    tested = keyed("new", Utterance("a"), words={"a": "yes"})
    trained = keyed("old", Utterance("x"), words={"x": "yes"})
    assert find_seen(tested, trained, []) == {}
    assert find_seen(tested, trained, ["x"]) == {"a": {"sentences"}}


def test_an_overlapping_span_of_one_file_is_seen():
    tested = keyed(
        "new",
        Utterance("a"),
        recordings={"a": ("input 1",)},
        stretches={"a": RecordingSpan("f", 0.0, 2.0)},
    )
    trained = keyed(
        "old", Utterance("x"), stretches={"x": RecordingSpan("f", 1.0, 3.0)}
    )
    assert find_seen(tested, trained, ["x"]) == {"a": {"recordings"}}


def test_equal_names_are_one_speaker_only_for_one_reader():
    people = [Utterance("a", speaker="Ses01F")]
    for reader, found in (("iemocap", {"a": {"speakers"}}), ("manifest", {})):
        tested = keyed("new", *people, reader=reader)
        trained = keyed("old", Utterance("x", speaker="ses01f"), reader=reader)
        assert find_seen(tested, trained, ["x"]) == found


def test_names_of_a_training_set_are_compared_within_its_corpus():
    tested = keyed("new", Utterance("a", speaker="Ses01F"), reader="iemocap")
    members = (
        Member("old", "human", None, "iemocap"),
        Member("other", "human", None, "demo"),
    )
    for id_, speaker, found in (
        ("old/x", "old/Ses01F", {"a": {"speakers"}}),
        ("other/x", "other/Ses01F", {}),
    ):
        trained = keyed("old+other", Utterance(id_, speaker=speaker), members=members)
        assert find_seen(tested, trained, [id_]) == found


def test_an_allowed_reason_does_not_hide_another_one():
    found = {"a": {"sentences", "speakers"}, "b": {"sentences"}}
    assert first_reasons(found) == {"a": "sentences", "b": "sentences"}
    assert first_reasons(found, without=["sentences"]) == {"a": "speakers"}


def test_reasons_are_counted_in_a_fixed_order():
    seen = {"a": "speakers", "b": "recordings", "c": "speakers"}
    assert count_reasons(seen) == {
        "a recording that is in training or validation": 1,
        "a speaker who is in training or validation": 2,
    }


def test_utterances_without_keys_cannot_be_compared():
    tested = keyed("new", recordings={"a": ("input 1",)}, words={"b": "yes"})
    assert count_incomparable(tested.keys, "abc") == 1
