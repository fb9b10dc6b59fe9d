import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from affuse.data.reading import corpus_checks
from affuse.data.records import Corpus, Count, Problem, Utterance

LOST = Problem("b.wav", "is not there", id="b")
ODD = Problem("labels.txt", "has an odd line", line=7, id="u1", fatal=False)
RIGHT = Count("utterances", 2, 2)
WRONG = Count("dialogues of session 5", 31, 30)


def corpus(*counts, nature="human", speakers=("ann", "ben")):
    words = (None, *["hi"] * (len(speakers) - 1))
    rows = [
        Utterance(id=f"u{i}", speaker=who, text=words[i], audio=Path("a.wav"))
        for i, who in enumerate(speakers)
    ]
    return Corpus("toy", Path("/toy"), tuple(rows), (1, 5), "loso", (), counts, nature)


def lines(*args):
    return list(corpus_checks.lines(*args))


@pytest.mark.parametrize(
    ("counts", "problems", "clean"),
    [
        ((), (), True),
        ((RIGHT,), (ODD,), True),
        ((RIGHT, WRONG), (), False),
        ((), (ODD, LOST), False),
    ],
)
def test_clean_means_nothing_left_out_and_published_counts(counts, problems, clean):
    assert corpus_checks.is_clean(corpus(*counts), problems) == clean
    assert corpus_checks.facts(corpus(*counts), problems)["clean"] == clean


def test_facts_are_valid_json():
    found = corpus_checks.facts(corpus(WRONG, speakers=("ann", "Ann", "")), [LOST, ODD])
    assert json.loads(json.dumps(found)) == {
        "corpus": "toy",
        "root": "/toy",
        "nature": "human",
        "utterances": 3,
        "speakers": 1,
        "with_audio": 3,
        "with_text": 2,
        "without_words": 0,
        "columns": {},
        "reading": [],
        "flags": {},
        "counts": [{"what": WRONG.what, "expected": 31, "found": 30}],
        "problems": [
            {
                "file": "b.wav",
                "reason": LOST.reason,
                "line": None,
                "id": "b",
                "fatal": True,
            },
            {
                "file": ODD.file,
                "reason": ODD.reason,
                "line": 7,
                "id": "u1",
                "fatal": False,
            },
        ],
        "clean": False,
    }


def test_lines_report_counts_and_differences():
    assert lines(corpus(RIGHT), ()) == [
        "toy: 2 utterances of 2 speakers, 2 with audio, 1 with text",
        "all 1 counts are as published",
    ]
    assert lines(corpus(RIGHT, WRONG, nature="synthetic", speakers=[""]), [LOST]) == [
        "toy (synthetic): 1 utterances of unknown speakers, 1 with audio, 0 with text",
        "1 of 2 counts are not as published:",
        "                          published   found",
        "  dialogues of session 5         31      30",
        "1 problem:",
        "  b.wav: is not there",
    ]


def test_fatal_problems_come_first_with_file_and_line():
    everywhere = Problem("", "is strange", id="c")
    assert list(corpus_checks.problem_lines([ODD, LOST, everywhere])) == [
        "2 problems:",
        "  b.wav: is not there",
        "  c: is strange",
        "1 note:",
        "  labels.txt:7 (u1): has an odd line",
    ]
    assert (
        list(corpus_checks.problem_lines([Problem("", "is strange")]))[1]
        == "  is strange"
    )
    assert list(corpus_checks.problem_lines([])) == []


def test_each_reason_has_one_line_with_a_count():
    mixed = [
        Problem(f"{i}.wav", reason, id=f"u{i}", fatal=False)
        for i in range(800)
        for reason in ("mixed down from 2 channels", f"resampled from {44100 + i} Hz")
    ]
    assert list(corpus_checks.problem_lines([*mixed, LOST, ODD])) == [
        "1 problem:",
        "  b.wav: is not there",
        "1601 notes:",
        "  800 times: mixed down from 2 channels (first: 0.wav (u0))",
        "  800 times, with other numbers or names, as in: 0.wav (u0): resampled from "
        "44100 Hz",
        "  labels.txt:7 (u1): has an odd line",
    ]


def test_notes_that_count_rows_do_not_hide_each_other():
    def notes(number):
        reason = "'w{}' is read as a missing transcript (rows: {})"
        return [
            Problem("t.csv", reason.format(i, i), fatal=False)
            for i in range(1, number + 1)
        ]

    assert list(corpus_checks.problem_lines(notes(2)))[1:] == [
        "  t.csv: 'w1' is read as a missing transcript (rows: 1)",
        "  t.csv: 'w2' is read as a missing transcript (rows: 2)",
    ]
    assert list(corpus_checks.problem_lines(notes(20)))[1:] == [
        "  20 times, with other numbers or names (210 rows in all), as in: t.csv: 'w1' "
        "is read as a missing transcript (rows: 1)"
    ]


def test_few_problems_of_one_reason_are_listed_one_by_one():
    found = list(corpus_checks.problem_lines([LOST] * 5 + [ODD] * 3, 3))
    assert found == [
        "5 problems:",
        "  5 times: is not there (first: b.wav)",
        "3 notes:",
        *["  labels.txt:7 (u1): has an odd line"] * 3,
    ]


def test_reasons_beyond_the_limit_are_only_counted():
    many = [Problem("a", f"is {'x' * i}") for i in range(50)]
    found = list(corpus_checks.problem_lines(many))
    assert len(found) == 1 + 40 + 1
    assert found[-1] == "  and 10 more, of 10 other reasons"


def test_problems_csv_has_a_row_for_every_problem(tmp_path):
    formula = Problem("=1+1.wav", "@x", id="-u", fatal=False)
    odd = Problem("\udcff.wav", "is,\nodd")
    path = tmp_path / "toy" / "problems.csv"
    corpus_checks.save([ODD, formula, LOST, odd], path)
    with path.open(newline="", encoding="utf-8") as file:
        found = list(csv.reader(file))
    assert found == [
        ["severity", "file", "line", "id", "reason"],
        ["left out", r"\udcff.wav", "", "", r"is,\nodd"],
        ["left out", "b.wav", "", "b", "is not there"],
        ["kept", "'=1+1.wav", "", "'-u", "'@x"],
        ["kept", "labels.txt", "7", "u1", "has an odd line"],
    ]


def test_facts_list_the_utterances_of_each_flag():
    one, other = corpus().utterances
    flagged = replace(one, flags=("dominance_incomplete", "wide"))
    found = replace(corpus(), utterances=(flagged, replace(other, flags=("wide",))))
    expected = {"dominance_incomplete": ["u0"], "wide": ["u0", "u1"]}
    assert corpus_checks.facts(found, ())["flags"] == expected
