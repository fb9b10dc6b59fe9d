"""Line grammar of IEMOCAP's label files and transcripts."""

import time

import pytest

from affuse.data.corpora import iemocap
from affuse.data.corpora.iemocap import line_grammar, release_writer

SUMMARY = "[3.2500 - 5.7500]\tSes02M_impro09_F007\tfru\t[1.5000, 4.0000, 4.5000]"


def parse(*lines):
    blocks, problems = line_grammar.blocks("\n".join(lines), file="x.txt")
    return blocks, [(p.line, p.id, p.fatal) for p in problems]


def test_the_three_numbers_are_valence_arousal_dominance():
    (block,), problems = parse(SUMMARY)
    assert block.ratings == {"valence": 1.5, "arousal": 4.0, "dominance": 4.5}
    assert (block.start, block.end, block.category) == (3.25, 5.75, "fru")
    assert problems == []


@pytest.mark.parametrize(
    "line",
    [
        SUMMARY.replace("4.5000", "nan"),
        SUMMARY.replace("4.5000", "-4.5"),
        SUMMARY.replace(", 4.5000", ""),
        SUMMARY.replace("Ses02M", "Ses06M"),
        SUMMARY.replace("F007", "FXX0"),
        SUMMARY.replace("5.7500]", "5.7500"),
        SUMMARY.replace("1.5000", "٣.0000"),  # digits of another script
        SUMMARY + " and more",
    ],
)
def test_a_damaged_summary_is_left_out_with_its_rater_lines(line):
    other = SUMMARY.replace("F007", "F008")
    rater = "A-E3:\tval 2; act 4; dom  4;\t()"
    blocks, problems = parse(other, "", line, rater)
    assert [(b.id, b.attributes) for b in blocks] == [("Ses02M_impro09_F008", ())]
    assert problems == [(3, "", True)]


def test_only_a_damaged_rater_line_is_left_out():
    (block,), problems = parse(SUMMARY, "A-E3: val 2, act 4", "C-E2 Anger", "what?")
    assert block.attributes == block.votes == ()
    identity = "Ses02M_impro09_F007"
    assert problems == [
        (2, identity, False),
        (3, identity, False),
        (4, identity, False),
    ]


def test_lines_outside_every_block_are_counted_once():
    blocks, problems = parse("% header", "x", "y", "", SUMMARY)
    assert len(blocks) == 1
    assert problems == [(2, "", False)]


def test_a_file_without_any_block_is_named():
    assert parse("% header", "") == ([], [(None, "", True)])


def test_an_unknown_class_is_kept_and_named():
    (block,), problems = parse(SUMMARY.replace("fru", "bor"))
    assert block.category == "bor"
    assert problems == [(1, "Ses02M_impro09_F007", False)]


def test_a_blank_valence_is_named():
    (block,), problems = parse(SUMMARY, "A-E3: val ; act 4; dom 3; ()")
    assert block.attributes[0].valence is None
    assert problems == [(2, "Ses02M_impro09_F007", False)]


@pytest.mark.parametrize(
    "line",
    [
        "A-E3:" + " " * 200_000,
        "A-E3: val 1; act 1; dom" + " " * 200_000,
        "C-E2:" + " a; " * 50_000,
        "C-E2:" + " " * 200_000,
    ],
)
def test_matching_takes_linear_time_on_hostile_lines(line):
    began = time.monotonic()
    parse(SUMMARY, line + "x")
    assert time.monotonic() - began < 2  # seconds; some milliseconds are usual


def test_few_raters_are_noted_once(tmp_path):
    path = release_writer.label_path(tmp_path, "Ses02M_impro09")
    path.parent.mkdir(parents=True)
    path.write_text(SUMMARY + "\n\n" + SUMMARY.replace("F007", "F008"))
    last = iemocap.read(tmp_path).problems[-1]
    assert last.reason.startswith("2 utterances, such as Ses02M_impro09_F007, list few")
    assert not last.fatal


def test_times_of_a_turn_may_have_spaces_round_the_hyphen():
    (turn,), dropped, problems = line_grammar.turns(
        "Ses02M_impro09_F007 [003.2500 - 005.7500]:No.", file="x.txt"
    )
    assert turn.text == "No."
    assert not dropped
    assert problems == []
