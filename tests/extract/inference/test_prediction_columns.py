import dataclasses
import io
import math
from types import SimpleNamespace

import numpy as np
import pytest
from predicted_examples import CALIBRATED, FACTS, calibrated, failed, segment

from affuse.data.rating_scales import RATINGS
from affuse.extract.inference.predicted_segments import (
    PredictedRating,
    SegmentPredictions,
)
from affuse.extract.inference.prediction_columns import (
    NATURES,
    PredictionColumns,
    best_values,
    describe_model,
)
from affuse.fuse.commands import prediction_table


def table_of_cached_predictions(levels=("calibrated", "low", "high")):
    """Return the numeric columns of `prediction_table` for one utterance."""
    values = np.array([[0.5, -0.25, 0.0]])
    applied = SimpleNamespace(
        ids=("u",), targets=RATINGS, mean=values, std=np.full((1, 3), 0.125)
    )
    shifts = {"calibrated": values / 2, "low": values - 0.5, "high": values + 0.25}
    more = {f"{r}_{s}": shifts[s][:, k] for s in levels for k, r in enumerate(RATINGS)}
    overlap = SimpleNamespace(models={"u": 0})
    context = prediction_table.Context((1.0, 5.0), overlap, {})
    text = io.StringIO()
    prediction_table.write(text, applied, context, more)
    names, cells = (line.split(",") for line in text.getvalue().splitlines())
    return dict(zip(names[1:-4], cells[1:-4], strict=True))


@pytest.mark.parametrize("is_calibrated", [True, False])
def test_names_order_and_values_are_those_of_the_cached_prediction(is_calibrated):
    if is_calibrated:
        columns, found = PredictionColumns(CALIBRATED), calibrated()
        expected = table_of_cached_predictions()
    else:
        columns, found = PredictionColumns(FACTS), segment()
        expected = table_of_cached_predictions(levels=())
    cells = columns.cells(found)
    assert columns.numbers == tuple(expected)
    assert {n: f"{cells[n]:.6f}" for n in columns.numbers} == expected


def test_columns_for_a_place_surround_the_ratings():
    names = PredictionColumns(FACTS).names
    assert names[:5] == ("file", "start", "end", "text", "valence")
    assert names[-4:] == ("model", "trained_on_ratings", "notes", "reason")
    wide = PredictionColumns(FACTS, channels=True, words=True).names
    assert set(wide) - set(names) == {"channel", "words"}


def test_a_model_without_a_known_scale_has_no_scaled_columns():
    facts = dataclasses.replace(FACTS, scale=None)
    assert not [n for n in PredictionColumns(facts).names if "_to_" in n]


def test_unknown_values_are_none():
    cells = PredictionColumns(CALIBRATED).cells(failed())
    assert cells["reason"] == "the file is empty"
    assert cells["start"] is None
    assert {cells[name] for name in PredictionColumns(CALIBRATED).numbers} == {None}


def test_a_rating_that_is_not_finite_is_unknown():
    broken = segment(values=(math.nan, 0.5, math.inf))
    cells = PredictionColumns(FACTS).cells(broken)
    assert cells["valence"] is cells["valence_1_to_5"] is cells["dominance"] is None
    assert cells["arousal"] == 0.5
    assert best_values(broken) == {"arousal": 0.5}


def test_the_calibrated_value_is_the_best_one():
    assert best_values(calibrated(values=(0.5, 0.0, 0.0)))["valence"] == 0.25
    assert best_values(segment(values=(0.5, 0.0, 0.0)))["valence"] == 0.5


def test_dictionaries_hold_numbers_and_the_channel_only_if_there_is_one():
    found = SegmentPredictions(FACTS, (segment(), failed())).to_dicts()
    assert found[0]["valence_1_to_5"] == 4.0
    assert found[0]["trained_on_ratings"] == "synthetic"
    assert found[0]["model"] == "demo-early@0f0f0f0f0f0f"
    assert found[1]["valence"] is None
    assert "channel" not in found[0]
    assert "words" not in found[0]
    stereo = SegmentPredictions(FACTS, (segment(channel=2),)).to_dicts(words=True)
    assert stereo[0]["channel"] == 2
    assert isinstance(stereo[0]["words"], str)


def test_numbers_of_numpy_become_plain_numbers():
    rating = PredictedRating(np.float32(0.5), np.float32(0.25))
    found = segment(ratings={"valence": rating})
    assert type(PredictionColumns(FACTS).cells(found)["valence"]) is float


@pytest.mark.parametrize("nature", NATURES)
def test_facts_on_the_model_state_a_caution_unless_people_rated(nature):
    model = describe_model(dataclasses.replace(FACTS, nature=nature))
    assert model["trained_on_ratings"] == nature
    assert (model["caution"] is None) == (nature == "human")
    assert model["ratings"]["arousal"]["lowest"] == "calm"


def test_speakers_have_a_column_if_they_are_given():
    columns = PredictionColumns(FACTS, channels=True, speakers=True)
    assert columns.names[:6] == ("file", "start", "end", "channel", "speaker", "text")
    assert columns.cells(segment(speaker="Ann"))["speaker"] == "Ann"
    assert "speaker" not in PredictionColumns(FACTS).names
