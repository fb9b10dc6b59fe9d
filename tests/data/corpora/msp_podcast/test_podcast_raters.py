"""Grammar of single raters, in the three forms of the releases."""

import json
import time

import pytest

from affuse.data.corpora.msp_podcast import (
    msp_rater_lines,
    podcast_raters,
    rater_collection,
)
from affuse.data.corpora.msp_podcast.msp_rater_lines import RaterLine
from affuse.data.corpora.msp_podcast.podcast_labels import majority
from affuse.data.corpora.msp_podcast.rater_collection import RaterCollection
from affuse.data.records import Problem
from affuse.data.single_ratings import NO_RATERS, RaterSummary

FREE = 'Other-torn, "so, so" (or; bored?)'
RATED = {"arousal": 1.0, "valence": 4.0, "dominance": 2.0}


def line_of(*texts, ratings="A:1.000000; V:4.000000; D:2.000000;"):
    return "; ".join(["WORKER0000042", *texts, ratings])


@pytest.mark.parametrize(
    ("line", "category", "others"),
    [
        (line_of("Neutral", "Neutral,Confused"), "Neutral", "Neutral,Confused"),
        (line_of("Neutral"), "Neutral", ""),
        (line_of(FREE, "Sad,Dissapointed"), FREE, "Sad,Dissapointed"),
        (line_of("Other-A:B"), "Other-A:B", ""),
        (line_of("Sad").replace("; ", ";"), "Sad", ""),
        (line_of("Sad").replace(";", " ;") + "\r\n", "Sad", ""),
        (line_of("Sad").rstrip(";"), "Sad", ""),
    ],
)
def test_the_line_of_a_rater_is_read_from_its_end(line, category, others):
    assert msp_rater_lines.parse(line) == RaterLine(
        "WORKER0000042", category, others, RATED
    )


@pytest.mark.parametrize(
    ("ratings", "known"),
    [
        ("A:1.0; V:NaN; D:2.0;", {"arousal": 1.0, "dominance": 2.0}),
        ("A:1.0; V:4.0; D:NaN ; N:3.8;", {"arousal": 1.0, "valence": 4.0}),
        ("A:; V:; D:;", {}),
        ("A:NaN; V:NaN; D:NaN;", {}),
    ],
)
def test_ratings_that_a_rater_left_out_are_missing(ratings, known):
    assert msp_rater_lines.parse(line_of("Sad", ratings=ratings)).ratings == known


@pytest.mark.parametrize(
    "line",
    ["", "Sad", ";;;", "MSP-PODCAST_9001_0001.wav; N; A:1.0; V:4.0; D:2.0;", "a; b; c"],
)
def test_another_line_is_not_that_of_a_rater(line):
    assert msp_rater_lines.parse(line) is None


def test_long_lines_are_read_in_linear_time():
    begin = time.perf_counter()
    msp_rater_lines.parse("; ".join(["x"] * 100_000) + "; A:1; V:2")
    msp_rater_lines.parse("A:" + " " * 100_000 + ";" * 100_000)
    assert time.perf_counter() - begin < 2


@pytest.mark.parametrize(
    ("categories", "letter"),
    [
        (["Angry"] * 3 + ["Sad"] * 2, "A"),
        (["Angry", "Sad"], "X"),
        (["Other-torn", "Other-odd, so", "Sad"], "O"),
        (["SURPRISE", "surprise"], "U"),
        (["Happy", "", ""], "H"),
        ([], "X"),
    ],
)
def test_the_class_is_that_of_most_raters(categories, letter):
    assert majority(categories) == letter


def read(path):
    return [*podcast_raters.read(path, path.name)]


def test_a_rating_that_is_no_number_is_a_problem_with_its_place(tmp_path):
    path = tmp_path / "labels.txt"
    head = "MSP-PODCAST_9001_0001.wav; N; A:1.0; V:4.0; D:2.0;"
    path.write_text("\n".join(["a title", head, "W1; Sad; A:x; V:1; D:1;", "; odd"]))
    first, second = read(path)
    assert isinstance(first, Problem)
    assert (first.line, first.id) == (3, "MSP-PODCAST_9001_0001.wav")
    assert "rating 'x' is not a number" in first.reason
    assert (second.line, second.reason) == (4, podcast_raters.NO_RATER_LINE)


def test_json_may_have_numbers_texts_and_nan(tmp_path):
    path = tmp_path / "labels_detailed.json"
    rater = {"EmoClass_Major": "Sad", "EmoAct": 1, "EmoVal": "4.0", "EmoDom": None}
    text = json.dumps({"MSP-PODCAST_1_1.wav": {"W1": rater}})
    path.write_text(text.replace("null", "NaN"))
    (found,) = read(path)
    assert found == (
        "MSP-PODCAST_1_1.wav",
        RaterLine("W1", "Sad", "", {"arousal": 1.0, "valence": 4.0}),
    )


def test_a_detailed_table_with_other_columns_is_refused(tmp_path):
    path = tmp_path / "labels_detailed.csv"
    path.write_text("FileName,Text\na.wav,b\n")
    with pytest.raises(ValueError, match="needs the columns FileName and EmoDetail"):
        read(path)


@pytest.mark.parametrize(
    "ratings",
    [
        "V:4.0; A:1.0; D:2.0;",
        "N:3.0; A:1.0; V:4.0; D:2.0;",
        "A:1.0; V:4.0; N:3.0; D:2.0;",
        "A:1.0; V:4.0; D:2.0; " + " " * 200,
        "A:1.0 ; V:4.0 ; D:2.0 ;",
    ],
)
def test_ratings_may_have_another_order_and_blanks(ratings):
    found = msp_rater_lines.parse(line_of("Other-A:B; A:C", "Sad", ratings=ratings))
    assert (found.category, found.ratings) == ("Other-A:B; A:C", RATED)


def rater(name, **ratings):
    return RaterLine(name, "Sad", "", ratings)


def test_a_summary_leaves_out_missing_ratings():
    collection = RaterCollection()
    assert collection.add("r", rater("a", valence=1.0, arousal=2.0))
    assert collection.add("r", rater("b", valence=4.0))
    found = collection.summaries("r")
    assert rater_collection.means(found) == {"valence": 2.5, "arousal": 2.0}
    assert {name: each.raters for name, each in found.items()} == {
        "valence": 2,
        "arousal": 1,
    }
    assert collection.summaries("other") is NO_RATERS


def test_the_second_line_of_a_rater_is_not_read_and_counted():
    collection = RaterCollection()
    assert collection.add("r", rater("a", valence=1.0))
    assert not collection.add("r", rater("a", valence=1.0))
    assert not collection.add("r", rater("a", valence=5.0))
    assert collection.summaries("r") == {"valence": RaterSummary(1.0, 0.0, 1)}
    (repeated,) = collection.notes("file", ["r"])
    assert repeated.reason == f"{rater_collection.REPEATED} (rows: 2), such as r"
    _, lost = collection.notes("file", [])
    assert "recordings without labels are not read (rows: 1), such as r" in lost.reason
