"""The formats for programs: csv, json and jsonl."""

import csv
import io
import json

import pytest
from predicted_examples import FACTS, failed, segment

from affuse.extract.inference.formats import (
    csv_predictions,
    json_predictions,
    jsonl_predictions,
)
from affuse.extract.inference.prediction_columns import PredictionColumns

COLUMNS = PredictionColumns(FACTS)
RECORDINGS = [
    [segment("a.wav", text="one\ntwo, three"), segment("a.wav", 8.5)],
    [failed()],
    [segment("b.wav", values=(1 / 3, -1e-9, 0.1))],
]


def csv_rows(recordings):
    text = "".join(csv_predictions.render(COLUMNS, recordings))
    return list(csv.DictReader(io.StringIO(text, newline="")))


def json_rows(recordings):
    return json.loads("".join(json_predictions.render(COLUMNS, recordings)))[
        "predictions"
    ]


def jsonl_rows(recordings):
    text = "".join(jsonl_predictions.render(COLUMNS, recordings))
    return [json.loads(line) for line in text.splitlines()]


def test_all_formats_hold_the_same_cells():
    as_csv, as_json = csv_rows(RECORDINGS), json_rows(RECORDINGS)
    assert jsonl_rows(RECORDINGS) == as_json
    assert [list(row) for row in as_csv] == [list(COLUMNS.names)] * 4
    for text, value in zip(as_csv, as_json, strict=True):
        for name in COLUMNS.names:
            if isinstance(value[name], float):
                assert float(text[name]) == value[name]
            else:
                assert text[name] == (value[name] or "")


def test_a_negative_zero_is_written_as_zero():
    assert csv_rows(RECORDINGS)[3]["arousal"] == "0.000000"
    assert str(json_rows(RECORDINGS)[3]["arousal"]) == "0.0"


@pytest.mark.parametrize("mark", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_of_csv_is_a_formula(mark):
    evil = f"{mark}cmd|' /C calc'!A0"
    recordings = [[segment(evil, text=evil, notes=(evil,))], [failed(evil, evil)]]
    for row in csv_rows(recordings):
        for name in ("file", "text", "notes", "reason"):
            assert not row[name].startswith(("=", "+", "-", "@", "\t", "\r"))


def test_json_states_the_facts_on_the_model():
    found = json.loads("".join(json_predictions.render(COLUMNS, [])))
    assert found["predictions"] == []
    assert found["model"]["trained_on_ratings"] == "synthetic"
    assert found["model"]["scale"] == [1.0, 5.0]
    assert found["model"]["ratings"]["valence"]["highest"] == "pleasant"
    assert found["model"]["digest"] == FACTS.digest
