"""Requests to a served model: predictions, or one sentence each."""

import logging
from dataclasses import replace

import numpy as np
import own_runs
import pytest
from sound_files import write
from stand_in_speech import Detector, Recogniser

import affuse
from affuse.extract.encoding.choices import Machine
from affuse.extract.inference.encoder_places import EncoderPlaces
from affuse.extract.inference.model_sources import ModelRequest, open_model
from affuse.extract.inference.serving.served_model import FAILED, ServedModel
from affuse.extract.inference.serving.serving_request import (
    RequestLimits,
    ServingRequest,
)

RATE = 16_000
LIMITS = RequestLimits(file_bytes=10**6, seconds=40.0, waiting=2, characters=100)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    table = own_runs.write_table(tmp_path_factory.mktemp("corpus"))
    root = tmp_path_factory.mktemp("work")
    words = (*own_runs.TINY, "--fusion", "ridge,experts,text")
    return own_runs.train(table, root, *words)


@pytest.fixture(scope="module")
def served(runs):
    """Return the served models by the name of their design."""
    found = {}
    for name, run in runs.items():
        places = EncoderPlaces(named={}, cache=run.parent.parent / "cache")
        machine = Machine(threads=1, progress=False)
        model = open_model(ModelRequest(str(run), machine, places))
        found[name] = ServedModel(model, LIMITS)
    return found


@pytest.fixture
def talk(tmp_path):
    """Return a recording of 26 s with two seconds of speech."""
    samples = np.zeros(26 * RATE)
    for second in (1, 20):
        samples[second * RATE :][:RATE] = 0.1 * np.sin(np.arange(RATE))
    return write(tmp_path / "talk.wav", samples, RATE, subtype="FLOAT")


def test_an_answer_equals_the_prediction_from_python(served, runs, talk):
    request = ServingRequest(talk, "talk.wav", "it is well")
    answer = served["ridge"].answer(request)
    cache = runs["ridge"].parent.parent / "cache"
    model = affuse.load(runs["ridge"], cache=cache, device="cpu", threads=1)
    (expected,) = model.predict(talk, "it is well")
    (found,) = answer.segments
    assert found.valence == pytest.approx(expected.valence)
    assert found.file == "talk.wav"
    assert answer.sentence == ""


def test_recognised_words_and_segments_with_speech(served, talk):
    model = replace(served["ridge"], detector=Detector(), recogniser=Recogniser())
    request = ServingRequest(talk, "talk.wav", "", "recognised", "speech")
    answer = model.answer(request)
    times = [time for s in answer.segments for time in (s.start, s.end)]
    assert times == pytest.approx([1.0, 2.0, 20.0, 21.0], abs=0.01)
    assert all(s.text.startswith("It has 1") for s in answer.segments)
    typed = replace(request, text="typed in vain", division="windows")
    (note,) = model.answer(typed).notes
    assert "the typed transcript was not used" in note


def test_a_robust_model_takes_either_input(served, talk):
    model = served["experts"]
    assert len(model.answer(ServingRequest(talk, "talk.wav")).segments) == 6
    assert len(model.answer(ServingRequest(text="it is well")).segments) == 1
    assert model.takes("text")
    assert not model.needs("text")
    assert served["ridge"].needs("text")
    assert not served["text"].takes("audio")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"path": None}, "there is nothing to predict; record or drop a recording"),
        ({"path": None, "text": "it"}, "the model needs a recording"),
        ({"text": "a" * 101}, "has 101 characters; shorten it to 100"),
        ({"text": " "}, "the model needs the words; type them"),
        ({"words": "recognised"}, "recognises no words"),
        ({"text": "it", "division": "speech"}, "finds no segments of speech"),
        ({"text": "\ud800"}, "not valid UTF-8"),
    ],
)
def test_a_request_that_cannot_be_predicted_is_one_sentence(
    served, talk, values, sentence
):
    answer = served["ridge"].answer(replace(ServingRequest(talk, "talk.wav"), **values))
    assert sentence in answer.sentence
    assert answer.segments == ()


def test_typed_words_are_not_divided_into_segments_of_speech(served, talk):
    model = replace(served["ridge"], detector=Detector())
    request = ServingRequest(talk, "talk.wav", "it", division="speech")
    assert "a typed transcript is of the whole" in model.answer(request).sentence


def test_a_long_recording_and_one_without_speech_are_named(served, talk, tmp_path):
    model = replace(served["experts"], detector=Detector())
    long = write(tmp_path / "long.wav", np.ones(41 * 8000), 8000)
    assert model.answer(ServingRequest(long, "long.wav")).sentence == (
        "the recording long.wav lasts 41 s, and this server takes 40 s at most; cut "
        "it, or start the server with a larger --max-seconds"
    )
    silent = write(tmp_path / "silent.wav", np.zeros(RATE))
    request = ServingRequest(silent, "silent.wav", division="speech")
    assert "no speech was found in it" in model.answer(request).sentence


def test_an_unexpected_error_is_one_sentence_and_is_logged(
    served, talk, monkeypatch, caplog
):
    def fail(*_):
        raise ZeroDivisionError("secret detail")

    place = "affuse.extract.inference.serving.served_model.predict_segments"
    monkeypatch.setattr(place, fail)
    with caplog.at_level(logging.ERROR):
        answer = served["experts"].answer(ServingRequest(talk, "talk.wav"))
    assert answer.sentence == FAILED
    assert "ZeroDivisionError: secret detail" in caplog.text
    assert "Traceback" not in caplog.text
