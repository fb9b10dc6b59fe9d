"""Segments of speech, their words and their speakers, with stand-ins for the models."""

import csv
import json

import numpy as np
import own_runs
import pytest
from cli_calls import call
from sound_files import noise, write
from stand_in_speech import Detector, Recogniser, replaced

from affuse.extract.inference import speech_segmentation
from affuse.extract.inference.predicted_segments import PredictedSegment
from affuse.extract.inference.segment_plan import SegmentPlan
from affuse.extract.inference.segment_transcription import (
    NO_WORDS,
    transcribe_segments,
)
from affuse.extract.inference.segmentation import segments
from affuse.extract.inference.segments import Recording
from affuse.extract.inference.speech_segmentation import NO_SPEECH

RATE = 16_000


def talk(*pieces):
    """Return samples in which speech and pauses of some seconds take turns."""
    parts = [
        noise(round(RATE * seconds)) if k % 2 else np.zeros(round(RATE * seconds))
        for k, seconds in enumerate(pieces)
    ]
    return np.concatenate(parts).astype(np.float32)


@pytest.fixture
def record(tmp_path):
    """Function that writes samples and returns the recording."""

    def put(samples, name="talk.wav"):
        path = tmp_path / name
        write(path, samples, RATE, subtype="FLOAT")
        return Recording(name, path)

    return put


def divide(item, **plan):
    stream = segments([item], SegmentPlan(**plan), threads=1, detector=Detector())
    return list(stream)


def test_segments_begin_and_end_with_the_speech(record):
    found = divide(record(talk(0.5, 1.0, 0.25, 0.5, 1.0)))
    assert [s.span for s in found] == [(0.5, 1.5), (1.75, 2.25)]
    assert [s.seconds for s in found] == [1.0, 0.5]


def test_speech_at_the_border_of_two_blocks_is_one_segment(record, monkeypatch):
    monkeypatch.setattr(speech_segmentation, "BLOCK", 2.0)
    found = divide(record(talk(0.5, 0.5, 0.5, 1.0, 1.5, 0.5)))
    assert [s.span for s in found] == [(0.5, 1.0), (1.5, 2.5), (4.0, 4.5)]


def test_each_channel_has_its_speech(record):
    samples = np.stack([talk(0.5, 0.5, 1.0), talk(1.0, 0.5, 0.5)], axis=1)
    found = divide(record(samples), channels="separate")
    assert [(s.channel, s.span) for s in found] == [(1, (0.5, 1.0)), (2, (1.0, 1.5))]


def test_a_recording_without_speech_has_a_reason(record):
    item = record(np.full(RATE, 0.25, np.float32))

    class Deaf:
        def find_speech(self, samples):
            return []

    stream = segments([item], SegmentPlan(), threads=1, detector=Deaf())
    assert list(stream) == [PredictedSegment("talk.wav", reason=NO_SPEECH)]


def test_a_recording_that_cannot_be_decoded_has_a_reason(tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    (found,) = divide(Recording("bad.wav", tmp_path / "bad.wav"))
    assert found.reason


def test_each_segment_gets_its_words(record):
    stream = divide(record(talk(0.5, 1.0, 0.5, 0.5)))
    found = list(transcribe_segments(stream, Recogniser()))
    assert [s.text for s in found] == ["It has 16000 samples.", "It has 8000 samples."]
    assert found[0].notes == (f"text recognised by {Recogniser().identity.label}",)


def test_a_segment_without_words_has_an_empty_text_and_a_note(record):
    stream = divide(record(talk(0.5, 1.0)))
    (found,) = transcribe_segments(stream, Recogniser(text=""))
    assert found.text == ""
    assert NO_WORDS in found.notes


# The command


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return a run of speech and text, and its cache."""
    table = own_runs.write_table(tmp_path_factory.mktemp("corpus"))
    root = tmp_path_factory.mktemp("work")
    return own_runs.train(table, root, *own_runs.TINY, "--fusion", "ridge")["ridge"]


@pytest.fixture
def predict(run, record, tmp_path, monkeypatch):
    """Function that predicts one recording of two speakers."""
    path = record(talk(0.5, 1.0, 0.5, 0.5, 0.5, 1.0)).path
    turns = tmp_path / "turns.rttm"
    turns.write_text(
        "SPEAKER talk 1 0.4 1.2 <NA> <NA> Ann <NA> <NA>\n"
        "SPEAKER talk 1 1.9 2.2 <NA> <NA> Bob <NA> <NA>\n",
        encoding="utf-8",
    )

    def predict(*words, recogniser=None):
        options = ("--segment", "speech", "--transcribe", "small.en")
        where = ("--cache", run.parent.parent / "cache", "--threads", 1)
        with replaced(monkeypatch, recogniser):
            return call(
                "predict", run, path, *options, "--speakers", turns, *where, *words
            )

    return predict


def test_the_command_writes_speakers_times_and_words_of_each_segment(predict):
    done = predict("--format", "csv")
    assert done.exit_code == 0, done.output
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert [(row["start"], row["end"], row["speaker"]) for row in rows] == [
        ("0.5", "1.5", "Ann"),
        ("2", "2.5", "Bob"),
        ("3", "4", "Bob"),
    ]
    assert [row["text"] for row in rows][1] == "It has 8000 samples."
    assert all(row["valence"] for row in rows)
    lines = map(json.loads, predict("--format", "jsonl").stdout.splitlines())
    assert [line["speaker"] for line in lines] == ["Ann", "Bob", "Bob"]
    table = predict("--format", "table").stdout
    assert "speaker" in table
    assert "2-2.5  Bob" in table


def test_a_repeated_command_with_another_model_does_not_continue(predict, tmp_path):
    out, words = tmp_path / "out.csv", ("--format", "csv", "--output")
    assert predict(*words, out).exit_code == 0
    assert "finished already" in predict(*words, out).output
    first = out.read_text(encoding="utf-8")
    assert "Ann" in first
    out.unlink()
    interrupted = predict(*words, out, recogniser=Recogniser(fail_after=1))
    assert interrupted.exit_code == 130
    other = predict(*words, out, recogniser=Recogniser("tiny"))
    assert "transcribe was small.en-" in other.stderr
    assert predict(*words, out).exit_code == 0
    assert out.read_text(encoding="utf-8") == first
