"""Stand-ins for the models of faster-whisper, which need no package and no weights."""

import contextlib

import numpy as np

from affuse.extract.transcription import faster_whisper_models
from affuse.extract.transcription.transcript_records import (
    RecogniserIdentity,
    RecognitionOptions,
    Transcript,
    TranscriptSegment,
)

RATE = 16_000


class Recogniser:
    """Recogniser of one sentence, which states the number of samples.

    Args:
        model: its name
        fail_after: number of recordings after which it is interrupted; None for never
        text: sentence; {} stands for the number of samples
    """

    def __init__(self, model="small.en", *, fail_after=None, text="It has {} samples."):
        self.identity = RecogniserIdentity(
            model, "0" * 64, "int8", RecognitionOptions("en"), "stand-in 1"
        )
        self.text, self.fail_after, self.heard = text, fail_after, []

    def transcribe(self, samples):
        """Return a transcript of one segment, or none if the text is empty."""
        assert samples.dtype == np.float32
        if len(self.heard) == self.fail_after:
            raise KeyboardInterrupt
        self.heard.append(len(samples))
        text = self.text.format(len(samples))
        segment = TranscriptSegment(0.0, len(samples) / RATE, text)
        return Transcript((segment,) if text else (), "en")


class Detector:
    """Detector of speech wherever the samples are not zero."""

    def find_speech(self, samples):
        """Return start and end of each stretch of other samples, in seconds."""
        is_loud = np.concatenate([[False], samples != 0, [False]])
        edges = np.flatnonzero(is_loud[1:] != is_loud[:-1])
        return [(a / RATE, b / RATE) for a, b in edges.reshape(-1, 2).tolist()]


@contextlib.contextmanager
def replaced(monkeypatch, recogniser=None):
    """Let commands take the stand-ins, whether or not faster-whisper is installed."""
    recogniser = recogniser or Recogniser()
    for name, value in (
        ("demand_package", lambda: None),
        ("load_detector", Detector),
        ("load_recogniser", lambda model, options, machine: recogniser),
    ):
        monkeypatch.setattr(faster_whisper_models, name, value)
    yield recogniser
