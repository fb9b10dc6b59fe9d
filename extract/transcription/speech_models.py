"""Interfaces of speech recognisers and of detectors of speech.

They take samples, so that recordings are decoded by `affuse.extract.audio` only.
"""

from typing import Protocol

import numpy as np

from affuse.extract.transcription.transcript_records import (
    RecogniserIdentity,
    Transcript,
)


class SpeechRecogniser(Protocol):
    """Model that recognises the words in speech."""

    @property
    def identity(self) -> RecogniserIdentity:
        """Model and options that transcripts depend on."""

    def transcribe(self, samples: np.ndarray) -> Transcript:
        """Return the words in a recording, with their times.

        Args:
            samples: (n,) float32 at 16 kHz
        """


class SpeechDetector(Protocol):
    """Model that finds the speech in a recording (voice activity detection)."""

    def find_speech(self, samples: np.ndarray) -> list[tuple[float, float]]:
        """Return start and end of each segment with speech in seconds, in order.

        Args:
            samples: (n,) float32 at 16 kHz
        """
