"""Lossy coding and decoding of samples with the codecs of libsndfile."""

import io
from dataclasses import dataclass

import numpy as np

from affuse.extract.degradations.degradation_record import Draws
from affuse.extract.degradations.signal_levels import SAMPLE_RATE

BLOCK = 2**16  # samples that are encoded at a time, because of the encoders' stacks


@dataclass(frozen=True)
class LossyCodec:
    """Codec of libsndfile, and its compression level from 0 to 1."""

    container: str
    subtype: str
    level: float  # 1: smallest file
    mode: str | None = None  # of the bit rate; None for that of the codec

    def code(self, samples: np.ndarray, _: float, draws: Draws) -> np.ndarray:
        """Return samples after they were encoded and decoded, with the same length.

        Args:
            samples: (n,) float32 at 16 kHz, n at least 1
            _: not used, because the codec has no value
            draws: not used, because nothing is random

        Returns:
            (n,) float32
        """
        import soundfile

        file = io.BytesIO()
        with soundfile.SoundFile(
            file,
            "w",
            samplerate=SAMPLE_RATE,
            channels=1,
            format=self.container,
            subtype=self.subtype,
            compression_level=self.level,
            bitrate_mode=self.mode,
        ) as output:
            for start in range(0, len(samples), BLOCK):
                output.write(samples[start : start + BLOCK])
        file.seek(0)
        decoded, _ = soundfile.read(file, dtype="float32")
        result = np.zeros_like(samples)
        count = min(len(samples), len(decoded))
        result[:count] = decoded[:count]
        return result
