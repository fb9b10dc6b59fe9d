"""Sounds of generated samples of corpora: tones in place of voices."""

import wave
from pathlib import Path

import numpy as np

SAMPLE_RATE = 16_000  # Hz


def tone(
    pitch: float, arousal: float, seconds: float, rate: int = SAMPLE_RATE
) -> np.ndarray:
    """Return a tone with four harmonics that is louder and brighter with arousal.

    Args:
        pitch: Hz
        arousal: from -1 to 1
        seconds: length
        rate: Hz

    Returns:
        (frames,) float64 in [-1, 1]
    """
    angle = 2 * np.pi * pitch * np.arange(int(seconds * rate)) / rate
    falling = 2 - arousal  # exponent of the harmonics' decay; large is dark
    harmonics = sum(np.sin(n * angle) / n**falling for n in range(1, 5))
    return np.asarray(harmonics * 10 ** (0.4 * arousal - 1.2))


def write_wav(path: Path, sound: np.ndarray, *, rate: int = SAMPLE_RATE) -> None:
    """Write a WAV file in 16-bit PCM.

    Args:
        path: of the file
        sound: (frames,) or (frames, channels) in [-1, 1]
        rate: Hz
    """
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if sound.ndim == 1 else sound.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.rint(sound * 32767).astype("<i2").tobytes())
