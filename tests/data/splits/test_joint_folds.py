"""Folds of a training set of several corpora."""

import dataclasses

import pytest

from affuse.data.errors import AffuseError
from affuse.data.records import Member, Utterance
from affuse.data.splits import protocols
from affuse.data.splits.joint_folds import joint_folds

MEMBERS = (Member("a", "human", None), Member("b", "human", None))


def utterances(name, *, sessions=5, count=40):
    """Return utterances of two speakers in each session."""
    return [
        Utterance(
            f"{name}/{k:02d}",
            speaker=f"{name}/{k % (2 * sessions)}",
            session=f"{name}/{k % sessions + 1}",
        )
        for k in range(count)
    ]


def divide(found, protocol, **changes):
    facts = {"folds": 3, "seed": 0, "everyone": found, **changes}
    return joint_folds(found, protocol, MEMBERS, **facts)


@pytest.mark.parametrize("protocol", ["speakers", "loso", "session5"])
def test_each_part_has_utterances_of_every_corpus(protocol):
    for fold in divide([*utterances("a"), *utterances("b")], protocol):
        for part in protocols.PARTS:
            assert {id_[0] for id_ in getattr(fold, part)} == {"a", "b"}


@pytest.mark.parametrize("protocol", ["speakers", "loso"])
def test_each_corpus_is_divided_as_if_it_were_alone(protocol):
    one = utterances("a")
    joint = divide([*one, *utterances("b")], protocol)
    bare = [dataclasses.replace(u, session=u.session[2:]) for u in one]
    for mixed, alone in zip(
        joint, protocols.folds(bare, protocol, folds=3), strict=True
    ):
        assert mixed.name == alone.name
        for part in protocols.PARTS:
            kept = tuple(id_ for id_ in getattr(mixed, part) if id_[0] == "a")
            assert kept == getattr(alone, part)


def test_different_folds_cannot_be_united():
    found = [*utterances("a"), *utterances("b", sessions=4)]
    with pytest.raises(AffuseError) as raised:
        divide(found, "loso")
    assert "session5 for 'a' and session1, session2, session3, session4 for 'b'" in str(
        raised.value
    )
    assert "--protocol speakers" in str(raised.value)


def test_an_error_names_the_corpus():
    found = [*utterances("a"), *utterances("b", sessions=1)]
    with pytest.raises(AffuseError, match="corpus 'b': protocol 'speakers'"):
        divide(found, "speakers")
