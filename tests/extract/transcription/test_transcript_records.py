"""Labels of transcripts, and the text of a transcript."""

import dataclasses

import pytest

from affuse.extract.transcription.transcript_records import (
    RecogniserIdentity,
    RecognitionOptions,
    Transcript,
    TranscriptSegment,
)

IDENTITY = RecogniserIdentity("small.en", "0f" * 32, "int8")


def test_the_label_of_a_model_does_not_change_between_versions():
    assert IDENTITY.label == "small.en-ef5165a6"  # it names the file


@pytest.mark.parametrize(
    "change",
    [
        {"model": "small"},
        {"digest": "1f" * 32},
        {"precision": "float16"},
        {"options": RecognitionOptions("de")},
        {"options": RecognitionOptions(beam=1)},
    ],
)
def test_whatever_changes_transcripts_changes_the_label(change):
    assert dataclasses.replace(IDENTITY, **change).label != IDENTITY.label


def test_the_version_of_the_package_does_not_change_the_label():
    assert dataclasses.replace(IDENTITY, package="x 2").label == IDENTITY.label


@pytest.mark.parametrize("name", ["../x y", "", "..", "-"])
def test_a_label_is_a_safe_file_name(name):
    label = dataclasses.replace(IDENTITY, model=name).label
    assert label.rpartition("-")[0] in ("x_y", "model")


def test_the_text_joins_the_segments():
    segments = [TranscriptSegment(0, 1, " Yes. "), TranscriptSegment(1, 2, "No.")]
    assert Transcript(tuple(segments)).text == "Yes. No."
    assert Transcript(()).text == ""
