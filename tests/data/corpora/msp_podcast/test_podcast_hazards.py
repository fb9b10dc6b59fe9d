"""Irregularities of real MSP-Podcast copies, in the order of the format notes."""

from collections import Counter
from dataclasses import replace

import pytest

from affuse.data.corpora import msp_podcast
from affuse.data.corpora.msp_podcast import podcast_odd_sample as odd
from affuse.data.corpora.msp_podcast import podcast_sample
from affuse.data.corpora.msp_podcast.podcast_utterances import EMOTIONS
from affuse.data.reading import transcript_rule
from affuse.extract.caching import recording_headers

TURNS = {turn.stem: turn for turn in podcast_sample.plan()}


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    folder = tmp_path_factory.mktemp("podcast") / "clean"
    msp_podcast.sample(folder)
    return msp_podcast.read(folder)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("podcast") / "hazards"
    msp_podcast.sample_hazards(folder)
    return folder


@pytest.fixture(scope="module")
def corpus(root):
    return msp_podcast.read(root)


@pytest.fixture(scope="module")
def by_id(corpus):
    return {u.id.removeprefix("MSP-PODCAST_"): u for u in corpus.utterances}


def reasons(corpus, name, *, fatal=True):
    return [
        problem.reason
        for problem in corpus.problems
        if problem.id == f"MSP-PODCAST_{name}" and problem.fatal == fatal
    ]


def note_on(corpus, words):
    """Return the only note with these words."""
    (note,) = [p for p in corpus.problems if words in p.reason]
    assert not note.fatal
    return note.reason


def test_the_hazards_lose_one_utterance_only(root, by_id):
    lost = {name.removeprefix("MSP-PODCAST_") for name in TURNS} - set(by_id)
    assert lost == {odd.NOTHING}
    assert len(by_id) == len(TURNS) - 1


def test_the_clean_sample_has_a_note_on_unknown_speakers_only(clean):
    (note,) = clean.problems
    assert note.reason.startswith("the speaker of a row of train is unknown")
    assert "(rows: 5)" in note.reason
    assert clean.nature == "synthetic"
    assert clean.scale == (1.0, 7.0)


def test_every_class_is_read(clean):
    found = {u.columns["emotion"] for u in clean.utterances if u.ratings}
    assert found <= set(EMOTIONS.values())
    assert {"other", "no agreement", "neutral", "angry"} <= found


def test_unknown_speakers_and_sexes_are_empty(clean):
    unknown = [u for u in clean.utterances if u.split == "train" and not u.speaker]
    assert {u.dialogue for u in unknown} == {"9003"}
    assert {u.sex for u in unknown} == {""}
    known = [u for u in clean.utterances if u.dialogue == "9001"]
    assert {(u.speaker, u.sex) for u in known} == {("11", "M")}


def test_ratings_may_have_one_decimal_or_six(clean):
    path = odd.labels_path(clean.root)
    cells = [line.split(",")[2:5] for line in path.read_text().splitlines()[1:]]
    lengths = {len(cell.partition(".")[2]) for row in cells for cell in row}
    assert {1, 6} <= lengths
    for u in clean.utterances:
        if u.ratings:
            assert u.ratings == pytest.approx(TURNS[u.id].ratings, abs=1e-6)


def test_recordings_of_test3_are_read_without_labels_and_without_a_problem(corpus):
    hidden = [u for u in corpus.utterances if u.split == "test3"]
    assert len(hidden) == podcast_sample.TURNS
    for u in hidden:
        assert u.audio.is_file()
        assert (u.ratings, u.speaker, u.text) == ({}, "", None)
    assert not [p for p in corpus.problems if "test3" in f"{p.id} {p.reason}".lower()]
    assert any("Test3, whose labels are hidden: 5" in line for line in corpus.reading)


def test_a_row_without_a_recording_keeps_its_text(corpus, by_id):
    assert by_id[odd.NO_WAV].audio is None
    assert by_id[odd.NO_WAV].text
    (reason,) = reasons(corpus, odd.NO_WAV)
    assert reason.startswith("has ratings but no recording")


def test_a_row_without_recording_and_transcript_is_left_out(corpus):
    (reason,) = reasons(corpus, odd.NOTHING)
    assert reason.startswith("has ratings, but neither a recording nor a transcript")


def test_the_recording_that_release_2_0_never_had_is_a_note(corpus, by_id):
    assert odd.NEVER_SHIPPED not in by_id
    assert reasons(corpus, odd.NEVER_SHIPPED) == []
    (reason,) = reasons(corpus, odd.NEVER_SHIPPED, fatal=False)
    assert reason.endswith("release 2.0 itself lists it without a recording")


def test_a_stereo_recording_of_44100_hz_is_usable(corpus, by_id):
    one = replace(corpus, utterances=(by_id[odd.STEREO],))
    assert [p for p in recording_headers.find_problems(one) if p.fatal] == []


def test_the_suffix_of_a_recording_may_be_in_capitals(by_id):
    assert by_id[odd.UPPER_CASE].audio.suffix == ".WAV"


def test_a_missing_transcript_is_a_problem_and_an_empty_one_is_not(corpus, by_id):
    assert by_id[odd.NO_TRANSCRIPT].text is None
    (reason,) = reasons(corpus, odd.NO_TRANSCRIPT)
    assert reason == "has ratings but no transcript; kept without text"
    assert by_id[odd.EMPTY].text == ""
    assert reasons(corpus, odd.EMPTY) == []
    assert transcript_rule.is_wordless(by_id[odd.EMPTY])


def test_a_transcript_in_another_encoding_is_noted(corpus, by_id):
    assert by_id[odd.CP1252].text == "the caf\xe9 was shut"
    note = note_on(corpus, "cp1252")
    assert note == "not UTF-8; read as cp1252"


def test_missing_ratings_are_left_out_and_counted(corpus, by_id):
    for name in (odd.NO_DOMINANCE, odd.BAD_RATING):
        assert by_id[name].ratings.keys() == {"valence", "arousal"}
    assert "(rows: 2)" in note_on(corpus, "there is no rating of dominance")
    assert reasons(corpus, odd.NO_DOMINANCE) == []
    (reason,) = reasons(corpus, odd.BAD_RATING)
    assert reason.startswith("dominance is left out: rating '4,5x' is not a number")


def test_ratings_outside_the_scale_are_kept_and_flagged(corpus, by_id):
    assert by_id[odd.OUTSIDE].flags == ("out_of_range",)
    assert 7.5 in by_id[odd.OUTSIDE].ratings.values()
    assert "(rows: 1)" in note_on(corpus, "outside the scale of 1 to 7")


def test_a_repeated_row_is_noted_and_a_contradicting_one_is_a_problem(corpus, by_id):
    (same,) = reasons(corpus, odd.REPEATED, fatal=False)
    assert same == "repeats an earlier row, which was kept"
    (other,) = reasons(corpus, odd.CONTRADICTED)
    assert other == "contradicts an earlier row, which was kept"
    assert by_id[odd.CONTRADICTED].split == "dev"


def test_partitions_are_compared_with_the_splits_of_the_table(corpus, by_id):
    assert by_id[odd.OTHER_SPLIT].split == "train"  # as the table says
    note = note_on(corpus, "Partitions.txt states another split")
    assert note.endswith(f"MSP-PODCAST_{odd.OTHER_SPLIT}")


def test_a_recording_without_labels_is_left_out_with_a_note(corpus, by_id):
    assert odd.NO_LABELS not in by_id
    assert "(rows: 1)" in note_on(corpus, "a recording has no labels")


def test_a_name_that_leads_elsewhere_is_refused(corpus):
    (problem,) = [p for p in corpus.problems if "secret" in p.reason]
    assert problem.fatal
    assert problem.reason.startswith("'../secret.wav' is no name of a recording")


def test_other_files_and_earlier_releases_are_not_read(corpus, by_id):
    assert not [p for p in corpus.problems if "Previous" in p.file or "._" in p.file]
    for name in ("9007_0001", "9008_0001"):
        turn = TURNS[f"MSP-PODCAST_{name}"]
        assert by_id[name].ratings == pytest.approx(turn.ratings, abs=1e-6)


def test_problems_are_few_and_each_has_a_place(corpus):
    fatal = Counter(p.file for p in corpus.problems if p.fatal)
    assert fatal == {"Labels/labels_consensus.csv": 6}
    assert all(p.line for p in corpus.problems if p.fatal)


def test_another_release_is_never_overwritten_by_a_sample(tmp_path):
    (tmp_path / "Labels").mkdir()
    (tmp_path / "Labels/labels_consensus.csv").write_text("FileName\n")
    with pytest.raises(FileExistsError, match="holds another release"):
        msp_podcast.sample(tmp_path)
