"""Comparison of a corpus, its speakers and its splits with a training record."""

import hashlib
from dataclasses import replace

import pytest

from affuse.data.cache import corpus_matching, training_data
from affuse.data.cache.corpus_matching import Identity, matching_feature, missing_facts
from affuse.data.cache.recording_spans import SILENT
from affuse.data.cache.training_data import SAMPLED, TrainingRecord

TOY = Identity("mine", reader="manifest", ids=("a", "b"))
ACTED = replace(TOY, reader="iemocap")


def digests(count, start=0):
    """Return the digests of `count` different inputs."""
    return [
        hashlib.sha256(f"{i}".encode()).hexdigest() for i in range(start, start + count)
    ]


def sample_digests(count=1_000):
    return training_data.sample(digests(count))


@pytest.mark.parametrize(
    ("record", "corpus", "how"),
    [
        (TrainingRecord("Mine"), TOY, "name"),
        (TrainingRecord("other"), TOY, ""),
        (
            TrainingRecord("toy", reader="iemocap"),
            replace(TOY, reader="iemocap"),
            "reader 'iemocap'",
        ),
        (TrainingRecord("IEMOCAP"), replace(TOY, reader="iemocap"), "reader 'iemocap'"),
        (
            TrainingRecord("MSP-Podcast"),
            replace(TOY, reader="msp_podcast"),
            "reader 'msp_podcast'",
        ),
        (TrainingRecord("MSP-Podcast"), replace(TOY, reader="msp_improv"), ""),
        (TrainingRecord("toy", reader="manifest"), TOY, ""),
        (TrainingRecord("toy", reader=""), replace(TOY, reader=""), ""),
        (TrainingRecord("toy", reader="iemocap"), replace(TOY, reader="emobank"), ""),
    ],
)
def test_a_corpus_is_recognised_by_name_or_reader(record, corpus, how):
    assert matching_feature(record, corpus) == how


@pytest.mark.parametrize(
    ("corpus", "ids"),
    [
        ("IEMOCAP", ["Ses01F_impro01_F000", "Ses05M_script03_2_M041"]),
        (
            "MSP-Podcast",
            ["MSP-PODCAST_0001_0008.wav", "MSP-PODCAST_0002_0033_0001.wav"],
        ),
        ("RAVDESS", ["03-01-06-01-02-01-12", "03-01-05-02-01-01-07.wav"]),
        ("EmoDB", ["03a01Fa", "16b10Wb"]),
        ("LibriSpeech", ["84-121123-0001"]),
    ],
)
def test_published_corpora_are_recognised_by_their_ids(corpus, ids):
    found = replace(TOY, ids=(*ids, *(["odd"] if len(ids) > 1 else [])))
    assert matching_feature(TrainingRecord(corpus), found) == "utterance ids"
    assert matching_feature(TrainingRecord("EmoBank"), found) == ""
    assert (
        matching_feature(
            TrainingRecord(corpus), replace(TOY, ids=(ids[0], "odd", "odder"))
        )
        == ""
    )


@pytest.mark.parametrize(("size", "same"), [(1_000, True), (300, True), (0, False)])
def test_a_corpus_is_recognised_by_its_inputs(size, same):
    record = TrainingRecord("toy", reader="manifest", sample=sample_digests())
    assert len(record.sample) == SAMPLED
    inputs = corpus_matching.shorten_digests(
        [*digests(size), *digests(500, start=5_000), "", SILENT]
    )
    corpus = replace(TOY, inputs=inputs)
    shared = corpus_matching.shared_inputs(record, corpus)
    assert shared / SAMPLED == pytest.approx(size / 1_000, abs=0.12)
    assert bool(matching_feature(record, corpus)) == same
    if same:
        assert matching_feature(record, corpus) == (
            f"inputs ({shared} of the 128 in its record)"
        )


def test_a_few_shared_sentences_do_not_identify_a_corpus():
    record = TrainingRecord("toy", sample=sample_digests(128))
    inputs = corpus_matching.shorten_digests([*digests(5), *digests(500, start=5_000)])
    corpus = replace(TOY, inputs=inputs)
    assert corpus_matching.shared_inputs(record, corpus) == 5
    assert matching_feature(record, corpus) == ""


@pytest.mark.parametrize(
    ("record", "corpus", "said"),
    [
        (TrainingRecord("toy"), TOY, "an older version recorded neither"),
        (
            TrainingRecord("toy", reader="iemocap"),
            replace(TOY, reader=""),
            "the cache does not say",
        ),
        (TrainingRecord("toy", reader="manifest"), TOY, "the cache does not say"),
        (TrainingRecord("toy", reader="iemocap"), replace(TOY, reader="emobank"), ""),
        (TrainingRecord("toy", sample=("0",)), replace(TOY, inputs=frozenset("1")), ""),
    ],
)
def test_missing_facts_are_reported(record, corpus, said):
    assert matching_feature(record, corpus) == ""
    assert missing_facts(record, corpus).startswith(said)
    assert bool(missing_facts(record, corpus)) == bool(said)


@pytest.mark.parametrize(
    ("name", "known", "found"),
    [
        ("5f", ["5F", "5M"], {"5F"}),
        ("Ses05F", ["5F", "5M"], {"5F"}),
        ("5F", ["Ses05F", "Ses05M"], {"Ses05F"}),
        ("ses05f", ["Ses05F", "5F"], {"Ses05F"}),
        ("Jose\u0301", ["JOS\u00c9"], {"JOS\u00c9"}),
        ("Actor_07", ["7", "17"], {"7"}),
        ("Speaker 10", ["spk10", "spk1"], {"spk10"}),
        ("anna", ["Anna", " anna", "ann"], {"Anna", " anna"}),
        ("Session", ["Session", "5"], {"Session"}),
        ("5F", ["15F", ""], set()),
    ],
)
def test_speakers_are_matched_in_similar_spellings(name, known, found):
    matched = corpus_matching.speakers(TrainingRecord("x", speakers=(name,)), known)
    assert matched.names == found
    assert matched.missing == (() if found else (name,))


@pytest.mark.parametrize(
    ("name", "known", "found"),
    [
        ("Test1", ["test", "train"], {"test"}),
        ("test_1", ["Test1"], {"Test1"}),
        ("Development", ["dev"], {"dev"}),
        ("TRAIN", ["train"], {"train"}),
        ("Test2", ["test", "test2"], {"test2"}),
        ("Test3", ["test", "test2", ""], set()),
    ],
)
def test_splits_are_matched_in_similar_spellings(name, known, found):
    matched = corpus_matching.splits(TrainingRecord("x", splits=(name,)), known)
    assert matched.names == found
    assert matched.missing == (() if found else (name,))


@pytest.mark.parametrize(
    ("corpus", "ids"),
    [
        ("MSP-Podcast", ["Audios-MSP-PODCAST_0001_0008", "a-b-MSP-PODCAST_0002_0033"]),
        ("MSP-Podcast", ["Audios/MSP-PODCAST_0001_0008", "MSP-PODCAST_0003_0002.ogg"]),
        (
            "MSP-Podcast",
            ["MSP-PODCAST_0001_0008-0-2500", "x-MSP-PODCAST_0001_0009-1-end"],
        ),
        ("MSP-IMPROV", ["session1-S01A-P-MSP-IMPROV-S01A-F01-P-FM01"]),
        ("IEMOCAP", ["Session1-wav-Ses01F_impro01_F000"]),
        ("RAVDESS", ["Actor_01-03-01-06-01-02-01-12"]),
        ("EmoDB", ["wav-03a01Fa", "wav-16b10Wb"]),
    ],
)
def test_ids_with_folders_and_spans_are_recognised(corpus, ids):
    found = replace(TOY, ids=tuple(ids))
    assert matching_feature(TrainingRecord(corpus), found) == "utterance ids"


@pytest.mark.parametrize(
    "ids",
    [["rec-5-1200-3400"], ["clips-5-1200-3400", "clips-6-0-1500"], ["wavx03a01fa"]],
)
def test_spans_of_other_recordings_are_no_published_ids(ids):
    assert replace(TOY, ids=tuple(ids)).form == ""
