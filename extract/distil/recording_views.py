"""What a speech student hears beside its teacher: views of recordings, and times."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from torch import Tensor

from affuse.extract.audio.decoding import SAMPLE_RATE
from affuse.extract.encoding.protocol import Prepared, SpeechEncoder

T = TypeVar("T")
LOUDEST = 0.3  # deviation of added noise at most, that of the speech being 1


class Sped:
    """A teacher that hears everything at another speed; that enters the recipe."""

    def __init__(self, inner: SpeechEncoder, speed: float):
        self.packed = inner.packed
        self.inner, self.speed = inner, speed
        self.checkpoint, self.layers = inner.checkpoint, inner.layers
        self.head = inner.head
        self.inputs: Mapping[str, Any] = {**inner.inputs, "speed": speed}

    def __call__(self, batch: np.ndarray, each: Callable[[Tensor], T]) -> list[T]:
        """As the teacher does."""
        return self.inner(batch, each)

    def prepare(self, source: Any) -> Prepared:
        """(samples,) at 16 kHz, at the usual speed."""
        return self.inner.prepare(at_speed(source, self.speed))

    def compile(self) -> None:
        """As the teacher does."""
        self.inner.compile()

    def regress(self, mean: np.ndarray) -> np.ndarray:
        """As the teacher does."""
        return self.inner.regress(mean)


def at_speed(samples: np.ndarray, speed: float) -> np.ndarray:
    """(n,) -> (n / speed,): faster and higher, or slower and lower."""
    if speed == 1.0:
        return samples
    import librosa

    found: np.ndarray = librosa.resample(
        samples, orig_sr=SAMPLE_RATE * speed, target_sr=SAMPLE_RATE, res_type="soxr_hq"
    )
    return found


@dataclass(frozen=True)
class Heard:
    """One recording at one speed, and what the teacher makes of it."""

    samples: np.ndarray  # (n,) float32
    frames: np.ndarray  # (steps, layers, dim) float16, as the teacher gave it


@dataclass(frozen=True)
class FrameGrid:
    """Which of the teacher's frames lie at the student's, in samples."""

    hop: int  # of the teacher
    centre: float  # of the teacher's first frame
    student_hop: int
    student_window: int

    def at(self, begin: int, steps: int) -> np.ndarray:
        """(steps,) places among the teacher's frames, for a piece begun at a sample."""
        centre = (self.student_window - 1) / 2
        times = begin + centre + self.student_hop * np.arange(steps)
        places: np.ndarray = (times - self.centre) / self.hop
        return places


def between(frames: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Linear interpolation: (steps, ...) at (n,) places -> (n, ...), float32."""
    places = np.clip(places, 0, len(frames) - 1)
    low = np.minimum(places.astype(int), max(0, len(frames) - 2))
    share = (places - low).astype(np.float32).reshape(-1, *[1] * (frames.ndim - 1))
    high = np.minimum(low + 1, len(frames) - 1)
    found: np.ndarray = frames[low] * (1 - share) + frames[high] * share
    return found


def disturb(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Noise and polarity, neither of which the teacher hears: (n,) -> (n,)"""
    noise = rng.standard_normal(len(samples), np.float32)
    level = LOUDEST * rng.random() ** 3  # mostly little
    found: np.ndarray = rng.choice([-1.0, 1.0]) * samples + level * noise
    return found.astype(np.float32)
