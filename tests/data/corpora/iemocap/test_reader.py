import shutil
from collections import Counter

import pytest

from affuse.data import plugins
from affuse.data.corpora import iemocap
from affuse.data.corpora.iemocap import (
    iemocap_sample,
    line_grammar,
    published_counts,
    release_writer,
    utterance_fields,
)
from affuse.data.plugin_kinds import CORPUS_KIND
from affuse.data.records import Count, Utterance
from affuse.data.single_ratings import RaterSummary

TURNS = {turn.id: turn for turn in iemocap_sample.plan()}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("iemocap") / "with a space"
    iemocap.sample(folder)
    return folder


@pytest.fixture(scope="module")
def corpus(root):
    return iemocap.read(root)


def count_of(corpus, what):
    (count,) = (count for count in corpus.counts if count.what == what)
    return count.found


def test_an_utterance_has_all_fields_of_the_files(root, corpus):
    (utterance,) = (u for u in corpus.utterances if u.id == "Ses03M_impro05b_F001")
    turn = TURNS["Ses03M_impro05b_F001"]
    assert utterance == Utterance(
        id="Ses03M_impro05b_F001",
        audio=root / "Session3/sentences/wav/Ses03M_impro05b/Ses03M_impro05b_F001.wav",
        transcript=turn.words,
        text=turn.words,
        ratings=dict(
            zip(("valence", "arousal", "dominance"), turn.ratings, strict=True)
        ),
        speaker="Ses03F",  # not Ses03M, who wears the markers
        sex="F",
        session="3",
        dialogue="Ses03M_impro05b",
        scripted=False,
        start=turn.start / 10_000,
        end=turn.end / 10_000,
        flags=(f"category={turn.category}",),
        columns={"emotion": turn.category},
        raters=utterance.raters,
    )
    for name, summary in utterance.raters.items():
        assert summary.mean == pytest.approx(utterance.ratings[name], abs=5e-5)
    assert {summary.raters for summary in utterance.raters.values()} == {2}


def test_self_ratings_and_blanks_are_no_single_ratings():
    lines = (
        "[3.2500 - 5.7500]\tSes02M_impro09_F007\tfru\t[1.5000, 4.0000, 2.5000]",
        "A-E3:\tval 1; act 4; dom  5;\t()",
        "A-E4:\tval 2; act 4; dom  ;\t()",
        "A-F1:\tval 5; act 5; dom  5;\t()",
    )
    ((block,), _) = line_grammar.blocks("\n".join(lines), file="a.txt")
    found = utterance_fields.utterance(block, None, None, dominance="released")
    assert found.ratings["dominance"] == 2.5  # as released
    assert found.raters == {
        "valence": RaterSummary(1.5, 0.5**0.5, 2),
        "arousal": RaterSummary(4.0, 0.0, 2),
        "dominance": RaterSummary(5.0, 0.0, 1),
    }


def test_every_rating_and_word_of_the_sample_is_read(corpus):
    for utterance in corpus.utterances:
        turn = TURNS[utterance.id]
        # four decimals of a mean
        assert tuple(utterance.ratings.values()) == pytest.approx(
            turn.ratings, abs=5e-5
        )
        assert utterance.transcript == turn.words
    assert len(corpus.utterances) == len(TURNS)


def test_the_corpus_has_its_name_scale_and_nature(root, corpus):
    assert (corpus.name, corpus.root) == ("iemocap", root)
    assert (corpus.scale, corpus.protocol) == ((1.0, 5.0), "session5-strict")
    assert corpus.nature == "synthetic"


def test_the_sample_has_no_problem(corpus):
    assert corpus.problems == ()
    assert iemocap.verify(corpus) == ()


def test_utterances_are_sorted_by_session_dialogue_start_and_id(corpus):
    keys = [(u.session, u.dialogue, u.start, u.id) for u in corpus.utterances]
    assert keys == sorted(keys)
    assert len({u.id for u in corpus.utterances}) == len(keys)


def test_the_letter_in_the_turn_name_gives_the_speaker(corpus):
    speakers = {u.speaker for u in corpus.utterances}
    assert speakers == {f"Ses0{n}{sex}" for n in range(1, 6) for sex in "FM"}
    assert all(u.speaker == f"Ses0{u.session}{u.sex}" for u in corpus.utterances)


def test_reading_opens_no_wav(root, corpus, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    for path in copy.rglob("*.wav"):
        path.write_bytes(b"")
    again = iemocap.read(copy)
    assert again.problems == ()
    assert len(again.utterances) == len(corpus.utterances)
    assert {p.reason for p in iemocap.verify(again)} == {
        "cannot be read as audio; copy it again"
    }


def test_helper_modules_are_not_listed_as_corpora():
    assert [n for n in plugins.names(CORPUS_KIND) if "iemocap" in n] == ["iemocap"]


def dominance_of(root, lines, *, how):
    turn = TURNS["Ses01F_impro01_F000"]
    votes = ["C-E2:\tAnger;\t()", "C-E3:\tAnger;\t()", "C-E4:\tAnger;\t()"]
    summary = release_writer.block(turn).partition("\n")[0]
    path = release_writer.label_path(root, turn.dialogue)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([summary, *votes, *lines]))
    (utterance,) = iemocap.read(root, dominance=how).utterances
    return utterance.ratings["dominance"], "dominance_incomplete" in utterance.flags


@pytest.mark.parametrize(
    ("external", "recomputed"),
    [
        ((4, 3, None), (4 + 3) / 2),
        ((4, 3, 2), None),
        ((None, None, None), None),
    ],
)
def test_recomputed_dominance_leaves_blanks_out_of_the_mean(
    tmp_path, external, recomputed
):
    lines = [
        release_writer.attribute_line(f"E{n}", (2, 2, value))
        for n, value in enumerate(external, 1)
    ]
    lines.append(release_writer.attribute_line("F1", (1, 1, 1)))
    released = TURNS["Ses01F_impro01_F000"].ratings[2]
    incomplete = None in external
    kept = dominance_of(tmp_path, lines, how="released")
    assert kept == (released, incomplete)
    mean = dominance_of(tmp_path, lines, how="recomputed")
    assert mean == (recomputed or released, incomplete)


def test_a_blank_of_a_self_rater_is_ignored(tmp_path):
    lines = [release_writer.attribute_line(f"E{n}", (2, 2, 2)) for n in (1, 2)]
    lines.append(release_writer.attribute_line("F1", (2, 2, None)))
    assert not dominance_of(tmp_path, lines, how="released")[1]


def test_an_unknown_value_of_dominance_is_refused(root):
    with pytest.raises(ValueError, match="must be released or recomputed, got 'mean'"):
        iemocap.read(root, dominance="mean")


def test_the_published_counts_add_up():
    published = published_counts.PUBLISHED
    sessions = range(1, 6)
    for whole, parts in {
        "utterances": [f"utterances of session {n}" for n in sessions],
        "dialogues": [f"dialogues of session {n}" for n in sessions],
        "four classes (ang, hap+exc, sad, neu)": [
            f"four classes of session {n}" for n in sessions
        ],
        "labels": [f"class {name}" for name in line_grammar.CLASSES],
        "wavs": ["improvised", "scripted"],
        "transcripts": ["by women", "by men"],
        "utterances of session 5": [
            what for what in published if what[5:].endswith(" of session 5")
            and what.startswith("class ")
        ],
    }.items():  # fmt: skip
        assert sum(published[part] for part in parts) == published[whole], whole


def test_counts_of_a_copy_are_computed(corpus):
    turns = TURNS.values()
    classes = Counter(turn.category for turn in turns)
    four = [t for t in turns if t.category in ("ang", "hap", "exc", "sad", "neu")]
    sizes = Counter(turn.dialogue for turn in turns)
    expected = {
        "utterances": len(turns),
        "labels": len(turns),
        "wavs": len(turns),
        "transcripts": len(turns),
        "dialogues": 23,
        "dialogues of session 3": 6,
        "utterances of session 3": sum(t.id.startswith("Ses03") for t in turns),
        "class sad": classes["sad"],
        "four classes (ang, hap+exc, sad, neu)": len(four),
        "four classes of session 4": sum(t.id.startswith("Ses04") for t in four),
        "six classes (and fru)": len(four) + classes["fru"],
        "scripted": sum("script" in t.id for t in turns),
        "by women": sum(t.id[-4] == "F" for t in turns),
        "with a released rating outside 1 to 5": 0,
        "external ratings with blank dominance": 0,
        "fewest utterances of a dialogue": min(sizes.values()),
        "most utterances of a dialogue": max(sizes.values()),
    }
    assert {what: count_of(corpus, what) for what in expected} == expected


def test_counts_without_utterances_are_zero():
    counts = published_counts.compare((), {})
    assert counts[0] == Count("utterances", 10_039, 0)
    assert {count.found for count in counts} == {0}


def test_the_class_of_an_utterance_without_one_is_empty():
    assert published_counts.category(Utterance("x")) == ""
