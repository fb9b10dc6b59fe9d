"""Training set of several corpora: names, ratings and copies."""

import dataclasses

import pytest
from several_corpora import changed, corpus, embeddings, write

from affuse.data.cache.corpus_rows import stack_corpora
from affuse.data.errors import AffuseError
from affuse.data.records import Count
from affuse.fuse.inputs.joint_corpus import (
    describe,
    find_copies,
    join_corpora,
    load_training_set,
)


def without(found, *names):
    """Return a corpus without some ratings."""
    for row, u in enumerate(found.utterances):
        kept = {n: v for n, v in u.ratings.items() if n not in names}
        found = changed(found, [row], ratings=kept)
    return found


def test_names_of_different_corpora_never_collide():
    both = join_corpora([corpus("a"), corpus("b")])
    assert both.name == "a+b"
    for field in ("id", "speaker", "session", "dialogue"):
        names = [getattr(u, field) for u in both.utterances]
        ours, theirs = {*names[:60]}, {*names[60:]}
        assert not ours & theirs
        assert all(name.startswith("a/") for name in ours)


def test_unknown_names_stay_unknown():
    both = join_corpora([changed(corpus("a"), [0], speaker=""), corpus("b")])
    assert both.utterances[0].speaker == ""


def test_each_corpus_is_rescaled_from_its_own_scale():
    wide = changed(corpus("b", scale=(0.0, 10.0)), [0], ratings={"valence": 10.0})
    both = join_corpora([changed(corpus("a"), [0], ratings={"valence": 5.5}), wide])
    assert both.scale == (-1.0, 1.0)
    assert both.utterances[0].ratings == {"valence": 1.25}  # outside, as released
    assert both.utterances[60].ratings == {"valence": 1.0}
    assert both.released_scale is None
    same = join_corpora([corpus("a"), corpus("b")])
    assert same.released_scale == (1.0, 5.0)


def test_only_common_ratings_are_kept_and_the_others_are_said():
    corpora = [corpus("a"), without(corpus("b"), "dominance")]
    both = join_corpora(corpora)
    assert {n for u in both.utterances for n in u.ratings} == {"valence", "arousal"}
    assert list(describe(corpora)) == [
        "ratings of dominance in 'a' are not used, because another corpus has none"
    ]


def test_corpora_without_a_common_rating_are_refused():
    corpora = [
        without(corpus("a"), "dominance", "arousal"),
        without(corpus("b"), "valence"),
    ]
    with pytest.raises(AffuseError, match="no rating in common"):
        join_corpora(corpora)


def test_a_corpus_without_a_scale_is_refused():
    with pytest.raises(AffuseError, match="corpus 'b' has no rating scale"):
        join_corpora([corpus("a"), corpus("b", scale=None)])


def test_the_worst_kind_of_ratings_is_that_of_the_training_set():
    both = join_corpora([corpus("a", nature="human"), corpus("b", nature="proxy")])
    assert both.nature == "proxy"
    assert [(m.name, m.nature) for m in both.members] == [
        ("a", "human"),
        ("b", "proxy"),
    ]


def test_a_partial_corpus_is_said():
    partial = corpus("b", counts=(Count("utterances", 100, 60),))
    both = join_corpora([corpus("a"), partial])
    assert both.shortfall == "b 60 of 100 utterances"


def test_different_protocols_become_speakers():
    plain = [corpus("a"), corpus("b")]
    assert join_corpora(plain).protocol == plain[0].protocol
    other = dataclasses.replace(plain[1], protocol="official")
    assert join_corpora([plain[0], other]).protocol == "speakers"


def test_copies_in_another_corpus_are_said():
    joint = join_corpora([corpus("a"), changed(corpus("b"), [9], sentence="a u001")])
    audio = stack_corpora([embeddings("a", shared=3), embeddings("b", shared=3)])
    assert list(find_copies(joint, audio)) == [
        "6 utterances have a recording that another corpus of the training set "
        "contains too, such as a/u000",
        "2 utterances have a sentence that another corpus of the training set "
        "contains too, such as a/u001",
    ]
    assert list(find_copies(join_corpora([corpus("a"), corpus("b")]), None)) == []


def test_a_training_set_is_loaded_by_its_name(tmp_path):
    for name in ("a", "b"):
        write(tmp_path, corpus(name))
    assert load_training_set(tmp_path, "a").name == "a"
    assert load_training_set(tmp_path, "b+a").name == "a+b"
    with pytest.raises(FileNotFoundError, match="extract corpus 'c' again"):
        load_training_set(tmp_path, "a+c")
    with pytest.raises(AffuseError, match="becomes a folder"):
        load_training_set(tmp_path, "a+../b")
