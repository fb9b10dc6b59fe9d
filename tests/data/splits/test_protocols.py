import dataclasses
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from affuse.data.records import Utterance
from affuse.data.splits import protocols
from affuse.data.splits.protocols import Fold, check, folds, shared_speakers

APART = ("session5-strict", "loso", "speakers")


def corpus(*, sessions=5, turns=20):
    """Return utterances of two speakers in each session, as in IEMOCAP."""
    return [
        Utterance(f"s{s}{sex}{turn:02}", text="hi", speaker=f"{s}{sex}", session=str(s))
        for s in range(1, sessions + 1)
        for sex in "FM"
        for turn in range(turns)
    ]


def official(**sizes):
    return [
        Utterance(f"{split}{i:02}", text="hi", split=split)
        for split, size in sizes.items()
        for i in range(size)
    ]


def speakers(ids, utterances):
    return {u.speaker for u in utterances if u.id in ids}


def parts(fold):
    return fold.train, fold.validation, fold.test


@pytest.mark.parametrize("protocol", ["session5", *APART])
def test_every_utterance_is_in_one_part(protocol):
    utterances = corpus()
    for fold in folds(utterances, protocol):
        assert sorted(sum(parts(fold), ())) == sorted(u.id for u in utterances)


@pytest.mark.parametrize("protocol", ["session5", *APART])
def test_the_order_of_the_corpus_does_not_matter(protocol):
    utterances = corpus()
    order = np.random.default_rng(1).permutation(len(utterances))
    shuffled = [utterances[i] for i in order]
    assert folds(shuffled, protocol) == folds(utterances, protocol)
    for fold in folds(shuffled, protocol):
        assert all(list(part) == sorted(part) for part in parts(fold))


@pytest.mark.parametrize("protocol", APART)
def test_no_speaker_is_in_two_parts(protocol):
    utterances = corpus()
    for fold in folds(utterances, protocol):
        for one, other in combinations(parts(fold), 2):
            assert not speakers(one, utterances) & speakers(other, utterances)


def test_session5_validates_on_a_tenth_of_the_other_sessions():
    utterances = corpus()
    (fold,) = folds(utterances, "session5")
    assert speakers(fold.test, utterances) == {"5F", "5M"}
    assert len(fold.test) == 40
    assert len(fold.validation) == 16  # a tenth of 160
    assert not speakers(fold.validation, utterances) & {"5F", "5M"}
    assert shared_speakers(fold, utterances) == set()


def test_the_random_tenth_depends_only_on_the_seed():
    utterances = corpus()
    (one,) = folds(utterances, "session5", seed=1)
    (two,) = folds(utterances, "session5", seed=2)
    assert folds(utterances, "session5", seed=1) == (one,)
    assert one.validation != two.validation
    assert one.test == two.test


def test_session5_strict_validates_on_session_4():
    utterances = corpus()
    (fold,) = folds(utterances, "session5-strict")
    assert fold.name == "session5"
    assert speakers(fold.validation, utterances) == {"4F", "4M"}
    assert speakers(fold.test, utterances) == {"5F", "5M"}


def test_loso_tests_every_session_once_and_validates_on_the_next():
    utterances = corpus(sessions=11, turns=1)
    found = folds(utterances, "loso")
    assert [fold.name for fold in found] == [f"session{s}" for s in range(1, 12)]
    for fold, after in zip(found, found[1:] + found[:1], strict=True):
        assert fold.validation == after.test


def test_each_speaker_is_tested_once_in_groups_of_similar_size():
    uneven = [u for u in corpus() if u.speaker not in ("1F", "2F") or u.id[-1] == "0"]
    found = folds(uneven, "speakers", folds=4)
    tests = [speakers(fold.test, uneven) for fold in found]
    assert set.union(*tests) == {u.speaker for u in uneven}
    assert sum(map(len, tests)) == 10
    # eight speakers of 20 turns and two of 2: 40 a group, and 4 left over
    assert {len(fold.test) for fold in found} <= {40, 42, 44}
    assert found[0].validation == found[1].test
    assert found[-1].validation == found[0].test


def test_groups_of_speakers_depend_on_the_seed():
    utterances = corpus()
    assert folds(utterances, "speakers", seed=1) != folds(utterances, "speakers")


@pytest.mark.parametrize(
    ("count", "sessions", "remedy"),
    [
        (5, 2, "--folds 3 to 4"),
        (2, 5, "--folds 3 to 10"),
        (3, 1, "add speakers or splits"),
    ],
)
def test_an_impossible_number_of_folds_is_refused(count, sessions, remedy):
    with pytest.raises(ValueError, match=rf"cannot make {count} folds.*{remedy}"):
        folds(corpus(sessions=sessions), "speakers", folds=count)


def test_official_uses_the_splits_of_the_corpus():
    utterances = official(train=5, dev=3, test=2, test2=4)
    (fold,) = folds(utterances, "official")
    assert [len(part) for part in parts(fold)] == [5, 3, 2]
    assert fold.test == ("test00", "test01")


def test_official_without_dev_holds_out_a_tenth_of_train():
    (fold,) = folds(official(train=30, test=2), "official")
    assert [len(part) for part in parts(fold)] == [27, 3, 2]
    assert fold.validation[0].startswith("train")


def test_official_without_dev_holds_out_whole_speakers():
    utterances = [
        dataclasses.replace(u, split="test" if u.session == "5" else "train")
        for u in corpus(turns=3)
    ]
    (fold,) = folds(utterances, "official")
    held = speakers(fold.validation, utterances)
    # a tenth of 24 is 2, less than any speaker: the smallest, one of 3, is taken
    assert (len(held), len(fold.validation)) == (1, 3)
    assert not held & speakers(fold.train, utterances)


def test_shared_speakers_of_official_splits_are_returned():
    utterances = [
        dataclasses.replace(u, speaker="ann" if u.id[-1] == "0" else "")
        for u in official(train=3, dev=2, test=2)
    ]
    (fold,) = folds(utterances, "official")
    assert shared_speakers(fold, utterances) == {"ann"}


@pytest.mark.parametrize(
    ("speaker", "advice"),
    [
        ("ABCDE", "; train with --protocol speakers, then predict the corpus"),
        ("ABC", "; train with --protocol speakers --folds 3, then predict"),
        ("AB", "; in the table write test for others that are rated"),
        ("", "; in the table write test for others that are rated"),
    ],
)
def test_an_unrated_test_split_is_called_unrated(speaker, advice):
    rated = [
        replace(
            u,
            ratings={"valence": 1.0},
            speaker=speaker[k % len(speaker)] if speaker else "",
        )
        for k, u in enumerate(official(train=20, dev=5))
    ]
    with pytest.raises(ValueError, match="the 7 utterances of the split test are unr"):
        folds(rated, "official", everyone=[*rated, *official(test=7)])
    with pytest.raises(ValueError, match=advice):
        folds(rated, "official", everyone=[*rated, *official(test=7)])


def test_a_test_split_that_lacks_something_else_is_not_called_unrated():
    rated = official(train=20, dev=5)
    others = [replace(u, ratings={"valence": 1.0}) for u in official(test=7)]
    with pytest.raises(ValueError, match="none of the 7 utterances .*: 0 have no rat"):
        folds(rated, "official", everyone=[*rated, *others])


def test_a_split_of_another_name_is_named():
    found = [*official(train=5), Utterance("a", text="hi", split="2")]
    with pytest.raises(ValueError, match=r"has 2: 1, train: 5; .* extract again$"):
        folds(found, "official")
    known = [replace(u, speaker=f"s{k}") for k, u in enumerate(found)]
    with pytest.raises(ValueError, match=r"again, or choose --protocol speakers$"):
        folds(known, "official")


@pytest.mark.parametrize(
    ("sizes", "advice"),
    [
        ({"": 4}, "has splits, extract again with --map split=COLUMN$"),
        ({"train": 4, "dev": 2}, "write test in the table for the utterances that"),
        ({"train": 4, "x": 2}, "where another name means that, and extract again$"),
    ],
)
def test_the_advice_names_the_missing_splits(sizes, advice):
    with pytest.raises(ValueError, match=advice):
        folds(official(**sizes), "official")


@pytest.mark.parametrize("sizes", [{"train": 3, "dev": 2}, {"test": 2}, {"": 4}, {}])
def test_official_needs_train_and_test(sizes):
    with pytest.raises(ValueError, match="needs utterances of the splits train and"):
        folds(official(**sizes), "official")


@pytest.mark.parametrize(
    ("protocol", "sessions", "reason"),
    [
        (
            "session5",
            4,
            r"2 sessions or more, '5' among them.* or choose --protocol loso or --prot",
        ),
        ("session5-strict", 3, r"3 sessions or more, '5' among them"),
        ("loso", 2, r"needs 3 sessions or more; the corpus has 1, 2;"),
    ],
)
def test_missing_sessions_are_refused_with_advice(protocol, sessions, reason):
    with pytest.raises(ValueError, match=reason):
        folds(corpus(sessions=sessions), protocol)


@pytest.mark.parametrize("protocol", ["session5", *APART])
def test_unknown_speakers_are_refused(protocol):
    utterances = [*corpus(), Utterance("x", text="hi", session="5")]
    with pytest.raises(ValueError, match=r"1 of 201 utterances have no speaker \(x\)"):
        folds(utterances, protocol)


@pytest.mark.parametrize("protocol", ["session5", "session5-strict", "loso"])
def test_unknown_sessions_are_refused(protocol):
    utterances = [*corpus(), Utterance("x", text="hi", speaker="5F")]
    with pytest.raises(ValueError, match=r"1 of 201 utterances have no session \(x\)"):
        folds(utterances, protocol)


@pytest.mark.parametrize("protocol", ["session5", "session5-strict", "loso"])
def test_a_speaker_in_two_sessions_is_refused(protocol):
    utterances = [
        dataclasses.replace(u, speaker="1F") if u.id == "s5F00" else u for u in corpus()
    ]
    with pytest.raises(ValueError, match="same speakers for .* and test: 1F"):
        folds(utterances, protocol)


def test_an_unknown_protocol_is_refused():
    with pytest.raises(ValueError, match="one of session5, .*official, got 'random'"):
        folds(corpus(), "random")


def test_ids_must_be_unique():
    with pytest.raises(ValueError, match="2 utterance ids are not unique: a, b"):
        folds([Utterance(i, text="hi", speaker=i) for i in "aabbc"], "speakers")


def test_too_few_utterances_are_refused():
    with pytest.raises(ValueError, match="has nothing for train: 2 utterances are too"):
        folds(official(train=1, test=1), "official")


def test_check_accepts_validation_on_training_speakers_only_in_session5():
    utterances = corpus()
    (fold,) = folds(utterances, "session5")
    check(fold, utterances, "session5")
    with pytest.raises(ValueError, match="same speakers for train and validation"):
        check(fold, utterances, "session5-strict")


@pytest.mark.parametrize("protocol", protocols.PROTOCOLS)
def test_check_finds_a_leaked_utterance(protocol):
    utterances = corpus()
    (fold,) = folds(utterances, "session5-strict")
    leaky = dataclasses.replace(fold, train=(*fold.train, fold.test[0]))
    with pytest.raises(ValueError, match=f"for train and test: {fold.test[0]}"):
        check(leaky, utterances, protocol)


@pytest.mark.parametrize("protocol", ["session5", *APART])
def test_check_finds_a_leaked_speaker(protocol):
    utterances = corpus()
    (fold,) = folds(utterances, "session5-strict")
    leaky = dataclasses.replace(
        fold, train=(*fold.train, fold.test[0]), test=fold.test[1:]
    )
    with pytest.raises(ValueError, match="same speakers for train and test: 5F"):
        check(leaky, utterances, protocol)


def test_check_finds_a_fold_of_another_corpus():
    (fold,) = folds(corpus(turns=3), "session5-strict")
    with pytest.raises(ValueError, match="that the corpus lacks: s1F02, s1M02, .* and"):
        check(fold, corpus(turns=2), "session5-strict")


def test_a_fold_name_must_suit_file_names():
    with pytest.raises(ValueError, match="cannot be called '../up'"):
        Fold("../up", ("a",), ("b",), ("c",))


SPELLINGS = [("Anna", "anna"), ("Jos\u00e9", "Jose\u0301"), ("anna", " Anna ")]


def with_two_spellings(utterances, one, other):
    """Return utterances whose first speaker has two spellings, in turn."""
    first = utterances[0].speaker
    names = {0: one, 1: other}
    return [
        dataclasses.replace(u, speaker=names[i % 2]) if u.speaker == first else u
        for i, u in enumerate(utterances)
    ]


@pytest.mark.parametrize(("one", "other"), SPELLINGS)
@pytest.mark.parametrize("seed", range(3))
def test_a_speaker_in_two_spellings_is_in_one_part(one, other, seed):
    utterances = with_two_spellings(corpus(), one, other)
    ids = {u.id for u in utterances if u.speaker in (one, other)}
    for fold in folds(utterances, "speakers", seed=seed):
        assert sum(bool(ids & set(part)) for part in parts(fold)) == 1
    whole = [
        dataclasses.replace(u, split="test" if u.session == "5" else "train")
        for u in utterances
    ]
    (fold,) = folds(whole, "official", seed=seed)
    assert not (ids & set(fold.train) and ids & set(fold.validation))


@pytest.mark.parametrize(("one", "other"), SPELLINGS)
def test_a_fold_that_separates_two_spellings_is_refused(one, other):
    utterances = [
        Utterance(f"u{i}", text="hi", speaker=speaker)
        for i, speaker in enumerate([one, "b", other])
    ]
    fold = Fold("f", ("u0",), ("u1",), ("u2",))
    with pytest.raises(ValueError, match="same speakers for train and test"):
        check(fold, utterances, "speakers")
    assert len(shared_speakers(fold, utterances)) == 1


def test_sessions_in_two_spellings_are_one():
    utterances = [
        dataclasses.replace(u, session={"1": "A", "2": "a"}.get(u.session, u.session))
        for u in corpus()
    ]
    assert len(folds(utterances, "loso")) == 4


def test_a_blank_name_is_an_unknown_speaker():
    utterances = [dataclasses.replace(u, speaker=" ") for u in corpus()]
    with pytest.raises(ValueError, match="have no speaker"):
        folds(utterances, "speakers")
