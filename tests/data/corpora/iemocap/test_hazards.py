"""Irregularities of real IEMOCAP copies; numbers are those of a checklist."""

import shutil
from collections import Counter

import pytest

from affuse.data import rating_scales
from affuse.data.corpora import iemocap
from affuse.data.corpora.iemocap import iemocap_sample, line_grammar, odd_sample
from affuse.data.corpora.iemocap.release_writer import (
    label_path,
    transcript_path,
    wav_path,
)

TURNS = {turn.id: turn for turn in iemocap_sample.plan()}
DAMAGED = "Ses04M_impro01_F000"  # its summary line has two numbers


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("iemocap") / "hazards"
    iemocap.sample_hazards(folder)
    return folder


@pytest.fixture(scope="module")
def corpus(root):
    return iemocap.read(root)


@pytest.fixture(scope="module")
def by_id(corpus):
    return {utterance.id: utterance for utterance in corpus.utterances}


def problems(corpus, **wanted):
    """Return the problems whose fields have these values."""
    return [
        problem
        for problem in corpus.problems
        if all(getattr(problem, name) == value for name, value in wanted.items())
    ]


def blocks(root, dialogue):
    path = label_path(root, dialogue)
    text = path.read_bytes().decode("utf-8-sig")
    found, _ = line_grammar.blocks(text, file="x.txt")
    return {block.id: block for block in found}


def test_every_irregularity_loses_only_one_utterance(root, corpus, by_id):
    assert set(by_id) == set(TURNS) - {DAMAGED}


def test_sample_hazards_returns_the_count_of_a_reader(tmp_path):
    count = iemocap.sample_hazards(tmp_path)
    assert len(iemocap.read(tmp_path).utterances) == count


def test_01_files_of_other_programs_are_never_decoded(root, corpus):
    labels = label_path(root, "Ses01F_impro01")
    for name in ("._Ses01F_impro01.txt", ".DS_Store", "Thumbs.db"):
        assert labels.with_name(name).read_bytes() == odd_sample.APPLE_DOUBLE
    strays = ("/._", ".DS_Store", "Thumbs.db", ".anvil", " copy.")
    assert [p for p in corpus.problems if any(s in p.file for s in strays)] == []
    assert all(not u.audio.name.startswith("._") for u in corpus.utterances if u.audio)


def test_02_folders_of_single_raters_are_not_entered(root, by_id):
    folder = label_path(root, "Ses01F_impro01").parent / "Attribute"
    assert "[1.0000, 1.0000, 1.0000]" in (folder / "Ses01F_impro01.txt").read_text()
    valence, arousal, dominance = TURNS["Ses01F_impro01_M000"].ratings
    assert by_id["Ses01F_impro01_M000"].ratings == {
        "valence": valence,
        "arousal": arousal,
        "dominance": dominance,
    }


def test_03_the_header_is_no_summary(root, corpus):
    path = label_path(root, "Ses01F_impro01")
    assert path.read_text().startswith("% [START_TIME - END_TIME] TURN_NAME")
    assert problems(corpus, line=1, fatal=True, id="") == []


def test_04_the_last_block_is_not_lost_at_any_end_of_file(root):
    assert label_path(root, "Ses01F_script01_1").read_text()[-1] != "\n"
    assert label_path(root, "Ses01M_script01_1").read_text().endswith(")\n\n\n")
    for dialogue in ("Ses01F_script01_1", "Ses01M_script01_1"):
        found = blocks(root, dialogue)
        turns = [turn for turn in TURNS.values() if turn.dialogue == dialogue]
        assert list(found) == [turn.id for turn in turns]
        last = found[turns[-1].id]
        assert len(last.attributes) + len(last.votes) == len(turns[-1].raters)


def test_05_several_labels_and_comments_with_anything_in_them(root, corpus):
    block = blocks(root, "Ses01F_impro01")["Ses01F_impro01_F001"]
    assert [vote.labels for vote in block.votes] == [
        ("Neutral", "Anger"),
        ("Other",),
        ("Anger",),
    ]
    assert [(a.rater, a.dominance) for a in block.attributes] == [("E3", 5), ("E4", 5)]
    assert problems(corpus, id=block.id) == []


def test_06_blank_dominance_is_none_and_odd_integers_are_kept(root, corpus, by_id):
    rows = blocks(root, "Ses01M_impro01")["Ses01M_impro01_F000"].attributes
    assert [a.dominance for a in rows] == [4, None]
    rows = blocks(root, "Ses02F_impro01")["Ses02F_impro01_F000"].attributes
    assert [a.valence for a in rows] == [6, 5]
    rows = blocks(root, "Ses02M_impro01")["Ses02M_impro01_M000"].attributes
    assert [a.valence for a in rows] == [0, 2]
    odd = [p for p in corpus.problems if "rates" in p.reason]
    assert Counter(p.reason.split()[3] for p in odd) == {"6,": 4, "0,": 1}
    assert not any(p.fatal for p in odd)
    incomplete = {u.id for u in by_id.values() if "dominance_incomplete" in u.flags}
    assert incomplete == {
        name
        for name, (_, rows) in odd_sample.RATED.items()
        if any(row[2] is None for row in rows)
    }
    (count,) = (c for c in corpus.counts if "blank dominance" in c.what)
    assert (count.expected, count.found) == (36, 7)


def test_06_recomputed_dominance_ignores_blanks(root, by_id):
    again = {u.id: u for u in iemocap.read(root, dominance="recomputed").utterances}
    expected = {
        "Ses01M_impro01_F000": (2.0, 4.0),  # released: the blank taken for 0
        "Ses01M_impro01_M000": (4.0, 4.0),  # released: the blank ignored
        "Ses02M_impro01_F000": (3.0, 3.0),  # nobody gave one
        "Ses01F_impro01_F000": (0.5, 1.0),
    }
    for name, (released, recomputed) in expected.items():
        assert by_id[name].ratings["dominance"] == released
        assert again[name].ratings["dominance"] == recomputed
    others = set(by_id) - set(odd_sample.RATED)
    assert all(again[name] == by_id[name] for name in others)


def test_07_values_outside_the_scale_are_kept_flagged_and_noted(corpus, by_id):
    outside = {
        "Ses01F_impro01_F000": ("dominance", 0.5),
        "Ses02F_impro01_F000": ("valence", 5.5),
        "Ses03F_impro01_F000": ("arousal", 5.5),
        "Ses03F_impro01_M000": ("dominance", 5.5),
        "Ses03M_impro05a_F000": ("dominance", 0.5),
        "Ses03M_impro05b_M000": ("dominance", 0.5),
        "Ses04F_impro01_M000": ("valence", 5.5),
    }
    assert {name: by_id[name].ratings[r] for name, (r, _) in outside.items()} == {
        name: value for name, (_, value) in outside.items()
    }
    flagged = {u.id for u in corpus.utterances if "out_of_range" in u.flags}
    assert flagged == set(outside)
    notes = [p for p in corpus.problems if p.reason.startswith("released")]
    assert Counter(p.id for p in notes) == dict.fromkeys(outside, 1)
    assert all(p.line and not p.fatal for p in notes)
    (count,) = (c for c in corpus.counts if "outside 1 to 5" in c.what)
    assert (count.expected, count.found) == (7, 7)


@pytest.mark.parametrize(("policy", "kept"), [("clip", 7), ("keep", 7), ("drop", 0)])
def test_07_every_policy_can_be_applied_to_them(corpus, policy, kept):
    odd = [u for u in corpus.utterances if "out_of_range" in u.flags]
    scaled = [
        rating_scales.normalise(u.ratings, scale=corpus.scale, policy=policy)
        for u in odd
    ]
    assert sum(values is not None for values in scaled) == kept


def test_08_rare_classes_keep_their_ratings(by_id):
    for name, category in odd_sample.CLASSES.items():
        assert by_id[name].flags == (f"category={category}",)
        assert tuple(by_id[name].ratings.values()) == pytest.approx(
            TURNS[name].ratings,
            abs=5e-5,  # four decimals
        )


def test_09_the_speaker_is_not_the_actor_with_the_markers(by_id):
    assert by_id["Ses01F_impro01_M000"].speaker == "Ses01M"
    assert by_id["Ses01M_impro01_F000"].speaker == "Ses01F"
    assert by_id["Ses05M_script01_1b_F000"].speaker == "Ses05F"
    assert by_id["Ses05M_script01_1b_F000"].sex == "F"


def test_10_suffixed_dialogues_do_not_collide(by_id):
    names = ("Ses05M_script01_1", "Ses05M_script01_1b", "Ses03M_impro05a")
    for dialogue in (*names, "Ses03M_impro05b"):
        members = {u.id for u in by_id.values() if u.dialogue == dialogue}
        assert members == {t.id for t in TURNS.values() if t.dialogue == dialogue}
        folders = {by_id[name].audio.parent.name for name in members - {MISSING_WAV}}
        assert folders == {dialogue}


def test_11_lines_without_a_rated_turn_are_dropped_and_counted_once(corpus, by_id):
    (note,) = [p for p in corpus.problems if "dropped" in p.reason]
    assert note.reason == (
        "transcript lines without a rated turn, dropped: "
        "2 blank, 2 stray, 1 unrated (XX)"
    )
    assert (note.file, note.fatal) == (".", False)
    assert not any("XX" in name for name in by_id)
    first = next(t for t in TURNS.values() if t.dialogue == "Ses04F_impro01")
    assert by_id[first.id].transcript == first.words  # "M: right" was not appended


def test_12_text_is_split_off_once_and_may_be_empty(by_id):
    colon = by_id["Ses04F_impro01_F001"]
    assert colon.transcript == "The lamp: it fell. [LAUGHTER]  See [2]: there."
    assert colon.text == "The lamp: it fell. See [2]: there."
    tokens = by_id["Ses04F_impro01_M001"]
    assert (tokens.transcript, tokens.text) == ("[BREATHING] [LAUGHTER]", "")
    empty = by_id["Ses04F_impro01_M002"]
    assert (empty.transcript, empty.text) == ("", "")
    for missing in ("Ses05M_script01_1_F000", "Ses04M_impro01_M000"):
        assert by_id[missing].transcript is None
        assert by_id[missing].text is None


MISSING_WAV = "Ses05M_script01_1_M000"


def test_13_unmatched_files_are_listed(corpus, by_id):
    def listed(reason):
        return [p.id for p in problems(corpus, reason=reason, fatal=True)]

    assert listed(iemocap.NO_WAV) == [MISSING_WAV]
    assert by_id[MISSING_WAV].audio is None
    assert by_id[MISSING_WAV].transcript is not None
    assert listed(iemocap.WAV_ONLY) == ["Ses05M_script01_1_M099", DAMAGED]
    assert listed(iemocap.NO_TRANSCRIPT) == [
        "Ses04M_impro01_M000",  # its line is damaged
        "Ses05M_script01_1_F000",
    ]
    assert listed(iemocap.TRANSCRIPT_ONLY) == [DAMAGED]


def test_14_repeated_blocks_are_noted_and_contradictions_fatal(corpus, by_id):
    (same,) = [p for p in corpus.problems if p.reason.startswith("repeats")]
    assert (same.id, same.fatal) == ("Ses05F_impro01_F000", False)
    (other,) = [p for p in corpus.problems if p.reason.startswith("contradicts")]
    assert (other.id, other.fatal) == ("Ses05F_impro01_M000", True)
    assert "line 10, which was kept" in other.reason
    kept = tuple(by_id[other.id].ratings.values())
    assert kept == TURNS[other.id].ratings
    assert kept != (1, 2, 3)


def test_14_the_same_holds_for_transcripts(root, tmp_path):
    shutil.copytree(root, tmp_path / "copy")
    path = transcript_path(tmp_path / "copy", "Ses01F_impro01")
    first, second, *_ = path.read_text().splitlines()
    path.write_text(path.read_text() + f"{first}\n{second} Or not.\n")
    again = iemocap.read(tmp_path / "copy")
    file = path.relative_to(tmp_path / "copy").as_posix()
    repeated = problems(again, file=file)
    assert [(p.id, p.fatal) for p in repeated] == [
        (first.split()[0], False),
        (second.split()[0], True),
    ]


def test_15_line_ends_marks_and_one_odd_byte_change_nothing_else(root, corpus, by_id):
    for place in (label_path, transcript_path):
        assert b"\r\n" in place(root, "Ses02M_impro01").read_bytes()
        assert place(root, "Ses02F_script01_1").read_bytes().startswith(b"\xef\xbb\xbf")
    for dialogue in ("Ses02M_impro01", "Ses02F_script01_1", "Ses04F_script01_1"):
        members = [u for u in by_id.values() if u.dialogue == dialogue]
        turns = [t for t in TURNS.values() if t.dialogue == dialogue]
        assert [u.id for u in members] == [t.id for t in turns]
        words = [u.transcript.replace("café ", "") for u in members]
        assert words == [t.words for t in turns]
    notes = [p for p in corpus.problems if "cp1252" in p.reason]
    assert [(p.file.split("/")[2], p.line, p.fatal) for p in notes] == [
        ("EmoEvaluation", 4, False),
        ("transcriptions", 1, False),
    ]
    assert by_id["Ses04F_script01_1_F000"].text.count("café") == 1


def test_15_bytes_of_no_encoding_stay_visible(root, tmp_path):
    shutil.copytree(root, tmp_path / "copy")
    path = transcript_path(tmp_path / "copy", "Ses01F_impro01")
    path.write_bytes(path.read_bytes().replace(b"The ", b"The \x81 ", 1))
    first, *_ = iemocap.read(tmp_path / "copy").utterances
    assert "\\x81" in first.transcript


def test_16_sessions_are_found_in_any_case_and_the_others_named(root, corpus, tmp_path):
    assert (root / "Session1.zip").is_file()
    assert (root / "session4").is_dir()
    assert {u.session for u in corpus.utterances} == set("12345")
    for name in ("Session2", "session4", "Session1.zip"):
        source = root / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)
    part = iemocap.read(tmp_path)
    assert {u.session for u in part.utterances} == set("24")
    (note,) = [p for p in part.problems if "sessions found" in p.reason]
    assert note.reason == "sessions found: 2, 4; not found: 1, 3, 5"
    assert not note.fatal


def test_17_suffix_links_and_spaces_do_not_matter(root, by_id, tmp_path):
    assert by_id["Ses05M_script01_1b_F000"].audio.suffix == ".WAV"
    link = tmp_path / "a link [with] spaces *"
    link.symlink_to(root, target_is_directory=True)
    assert [u.id for u in iemocap.read(link).utterances] == list(by_id)


def test_18_wavs_that_differ_from_the_release_are_reported(corpus):
    found = {p.id: (p.reason, p.fatal) for p in iemocap.verify(corpus)}
    name = "Ses01M_script01_1_M000"
    turn = TURNS[name]
    wanted = (turn.end - turn.start) * 16_000 // 10_000
    assert found == {
        "Ses01M_script01_1_F000": (
            "44100 Hz, 2 channels; the release has 16000 Hz, 1 channel",
            False,
        ),
        "Ses01M_script01_1_F001": ("cannot be read as audio; copy it again", True),
        "Ses01M_script01_1_F002": ("holds no sound; copy it again", True),
        name: (f"has {wanted - 3} frames, but by its label {wanted}", False),
    }


def test_18_a_wav_that_was_removed_is_reported(root, tmp_path):
    shutil.copytree(root, tmp_path / "copy")
    corpus = iemocap.read(tmp_path / "copy")
    wav_path(tmp_path / "copy", "Ses02F_impro01_F000").unlink()
    (gone,) = (p for p in iemocap.verify(corpus) if p.id == "Ses02F_impro01_F000")
    assert gone.file == "Session2/sentences/wav/Ses02F_impro01/Ses02F_impro01_F000.wav"
    assert gone.fatal


def test_19_times_that_run_backwards_are_reported_and_left_out(corpus, by_id):
    (problem,) = [p for p in corpus.problems if "without times" in p.reason]
    assert (problem.id, problem.fatal) == ("Ses05F_script01_1_F001", True)
    utterance = by_id[problem.id]
    assert (utterance.start, utterance.end) == (None, None)
    assert utterance.ratings
    assert utterance.audio is not None


def test_20_counts_are_compared_with_published_counts(corpus):
    counts = {count.what: (count.expected, count.found) for count in corpus.counts}
    assert counts["utterances"] == (10_039, len(TURNS) - 1)
    assert counts["wavs"] == (10_039, len(TURNS))  # one too many, one too few
    assert counts["transcripts"] == (10_039, len(TURNS) - 2)
    assert counts["dialogues"] == (151, 23)
    assert counts["class oth"] == (3, 1)
    assert any(expected != found for expected, found in counts.values())


def test_blocks_need_not_be_in_time_order(root, by_id):
    assert list(blocks(root, "Ses05M_impro01")) != sorted(
        blocks(root, "Ses05M_impro01"), key=lambda name: TURNS[name].start
    )
    members = [u for u in by_id.values() if u.dialogue == "Ses05M_impro01"]
    assert [u.start for u in members] == sorted(u.start for u in members)


def test_a_damaged_summary_is_an_error_with_file_and_line(corpus):
    (problem,) = [p for p in corpus.problems if "not a summary line" in p.reason]
    assert problem.file == "session4/dialog/EmoEvaluation/Ses04M_impro01.txt"
    assert (problem.line, problem.fatal) == (3, True)
