"""Augmentation of recordings for a speech student, and alignment with the teacher."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from torch import Tensor

from affuse.extract.audio.decoding import SAMPLE_RATE
from affuse.extract.audio.librosa_loading import load_librosa
from affuse.extract.encoding.protocol import Prepared, SpeechEncoder

T = TypeVar("T")
NOISE_LIMIT = 0.3  # largest standard deviation of noise, relative to the speech


class SpeedChangingEncoder:
    """Teacher that receives recordings at another speed, which its recipe states."""

    def __init__(self, inner: SpeechEncoder, speed: float):
        self.packed = inner.packed
        self.inner, self.speed = inner, speed
        self.checkpoint, self.layers = inner.checkpoint, inner.layers
        self.head = inner.head
        self.inputs: Mapping[str, Any] = {**inner.inputs, "speed": speed}

    def __call__(self, batch: np.ndarray, each: Callable[[Tensor], T]) -> list[T]:
        """Encode a batch, as the teacher does."""
        return self.inner(batch, each)

    def prepare(self, source: Any) -> Prepared:
        """Return the teacher's input for samples, (n,) at 16 kHz and normal speed."""
        return self.inner.prepare(change_speed(source, self.speed))

    def compile(self) -> None:
        """Compile the teacher."""
        self.inner.compile()

    def regress(self, mean: np.ndarray) -> np.ndarray:
        """Return the ratings of the teacher's head."""
        return self.inner.regress(mean)


def change_speed(samples: np.ndarray, speed: float) -> np.ndarray:
    """Return samples at another speed, which changes their pitch too.

    Args:
        samples: (n,) float32
        speed: factor; above 1 is faster and higher

    Returns:
        (n / speed,) float32
    """
    if speed == 1.0:
        return samples
    changed: np.ndarray = load_librosa().resample(
        samples, orig_sr=SAMPLE_RATE * speed, target_sr=SAMPLE_RATE, res_type="soxr_hq"
    )
    return changed


@dataclass(frozen=True)
class RecordingView:
    """Recording at one speed, with the teacher's hidden states."""

    samples: np.ndarray  # (n,) float32
    frames: np.ndarray  # (steps, layers, dim) float16, of the teacher


@dataclass(frozen=True)
class FrameGrid:
    """Positions of the teacher's and the student's frames, in samples."""

    hop: int  # of the teacher
    centre: float  # of the teacher's first frame
    student_hop: int
    student_window: int

    def teacher_indices(self, begin: int, steps: int) -> np.ndarray:
        """Return fractional indices of the teacher's frames for a student's segment.

        Args:
            begin: first sample of the segment
            steps: frames of the student in the segment

        Returns:
            (steps,) float64
        """
        centre = (self.student_window - 1) / 2
        times = begin + centre + self.student_hop * np.arange(steps)
        places: np.ndarray = (times - self.centre) / self.hop
        return places


def interpolate(frames: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Interpolate frames linearly at fractional indices.

    Args:
        frames: (steps, ...)
        places: (n,) indices, clipped to the frames

    Returns:
        (n, ...) float32
    """
    places = np.clip(places, 0, len(frames) - 1)
    low = np.minimum(places.astype(int), max(0, len(frames) - 2))
    share = (places - low).astype(np.float32).reshape(-1, *[1] * (frames.ndim - 1))
    high = np.minimum(low + 1, len(frames) - 1)
    interpolated: np.ndarray = frames[low] * (1 - share) + frames[high] * share
    return interpolated


def disturb(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return samples with noise and random polarity; the teacher gets clean samples.

    Args:
        samples: (n,) of unit variance
        rng: of noise and polarity

    Returns:
        (n,) float32
    """
    noise = rng.standard_normal(len(samples), np.float32)
    level = NOISE_LIMIT * rng.random() ** 3  # low levels are frequent
    disturbed: np.ndarray = rng.choice([-1.0, 1.0]) * samples + level * noise
    return disturbed.astype(np.float32)
