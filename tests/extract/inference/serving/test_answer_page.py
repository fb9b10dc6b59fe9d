"""The HTML of an answer: what it says, and that texts stay texts."""

import base64
import csv
import re
from dataclasses import replace

import pytest

from affuse.extract.inference.plot_series import PlottedSeries
from affuse.extract.inference.predicted_segments import (
    ModelFacts,
    PredictedRating,
    PredictedSegment,
    SegmentPredictions,
)
from affuse.extract.inference.serving.answer_page import (
    caution,
    rating_scales,
    render_answer,
)
from affuse.extract.inference.serving.curve_geometry import (
    curve_panel,
    plane_point,
    segment_areas,
    time_ticks,
)
from affuse.extract.inference.serving.serving_request import ServingAnswer

pytest.importorskip("jinja2", reason="needs the extra serve or page")
NAMES = ("valence", "arousal", "dominance")
FACTS = ModelFacts("toy", NAMES, "demo", "synthetic", (1.0, 5.0), models=3)


def segment(start, end, value=0.0, text=None, interval=None, **values):
    rating = PredictedRating(value, 0.25, value if interval else None, interval)
    ratings = dict.fromkeys(NAMES, rating)
    return PredictedSegment("talk.wav", start, end, text, ratings=ratings, **values)


def answer(*segments, facts=FACTS, **values):
    return ServingAnswer(SegmentPredictions(facts, segments), **values)


def test_the_answer_names_ratings_directions_scale_and_synthetic_data():
    text = render_answer(answer(segment(0.0, 8.0), segment(4.0, 12.0, 0.5)), FACTS)
    for each in (
        "valence: from 1 unpleasant to 5 pleasant",
        "arousal: from 1 calm to 5 excited",
        "dominance: from 1 submissive to 5 in control",
        "The model was trained on synthetic speech",
        "plus and minus one standard deviation over the models",
    ):
        assert each in text
    assert caution(replace(FACTS, nature="human")) == ""
    assert [each.lowest for each in rating_scales(replace(FACTS, scale=None))] == [
        "-1 unpleasant",
        "-1 calm",
        "-1 submissive",
    ]


def test_names_and_words_are_escaped():
    evil = "<img src=x onerror=alert(1)>\"'&\x1b[31m"
    shown = render_answer(
        answer(replace(segment(0.0, 1.0, text=evil, notes=(evil,)), file=evil)), FACTS
    )
    assert "<img" not in shown
    assert "\x1b" not in shown
    refused = render_answer(ServingAnswer(sentence=evil), FACTS, evil)
    assert "<img" not in refused
    assert "&lt;img" in refused


def test_the_csv_is_that_of_the_command_without_formulas():
    text = render_answer(answer(segment(0.0, 1.0, text="=1+1")), FACTS)
    (data,) = re.findall('href="data:text/csv;base64,([^"]+)"', text)
    (row,) = csv.DictReader(base64.b64decode(data).decode().splitlines())
    assert row["file"] == "talk.wav"
    assert row["text"].lstrip("'") == "=1+1"
    assert row["text"] != "=1+1"
    assert float(row["valence_1_to_5"]) == 3


def test_a_text_alone_has_a_point_and_no_curves():
    text = render_answer(answer(segment(None, None, text="it")), FACTS, "sound")
    assert 'class="point"' in text
    assert "polyline" not in text
    assert 'data-sound=""' in text


def test_a_model_without_arousal_has_no_plane():
    facts = replace(FACTS, targets=("valence",))
    text = render_answer(answer(segment(0.0, 1.0), facts=facts), facts)
    assert 'class="plane"' not in text
    assert text.count("polyline") == 1


def test_a_calibrated_model_shows_its_intervals():
    facts = replace(FACTS, level=0.9)
    found = answer(segment(0.0, 1.0, 0.5, interval=(0.0, 1.0)), facts=facts)
    text = render_answer(found, facts)
    assert "valence 4.00 [3.00, 5.00]" in text
    assert "intervals made to hold 90 % of the ratings" in text


def test_areas_of_overlapping_segments_do_not_overlap():
    areas = segment_areas([segment(0.0, 8.0), segment(4.0, 12.0), segment(15.0, 20.0)])
    assert [(a.left, a.width) for a in areas] == [(0, 30), (30, 30), (75, 25)]


def test_a_line_begins_and_ends_with_its_segments_and_has_gaps():
    found = PlottedSeries("talk", (segment(0.0, 5.0, 1.0), segment(10.0, 20.0, -2.0)))
    panel = curve_panel(found, "valence", (-1.0, 1.0))
    assert panel.lines == ("0,0 12.5,0 25,0", "50,100 75,100 100,100")
    assert panel.bands[0] == "0,12.5 12.5,12.5 25,12.5 25,0 12.5,0 0,0"


def test_a_point_has_its_intervals_within_the_plane():
    point = plane_point(segment(0.0, 1.0, 0.9), (-1.0, 1.0))
    assert (point.x, point.left, point.right, point.y) == (95, 82.5, 100, 95)


def test_time_marks_are_few_for_any_length():
    for seconds in (0.5, 1, 7, 59, 61, 600, 3600, 10**5):
        assert 1 <= len([*time_ticks(seconds)]) <= 15
