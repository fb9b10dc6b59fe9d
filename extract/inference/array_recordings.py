"""Recordings from arrays of samples, written as files so that they are decoded alike.

The files are WAV in 32-bit floats, which hold each sample without rounding. They do not
hold the time of writing, so equal arrays have equal digests.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from affuse.data.errors import AffuseError
from affuse.extract.audio import header_bounds
from affuse.extract.audio.sample_checks import LOUDEST
from affuse.extract.audio.sample_digest import FULL_SCALE
from affuse.extract.inference.segments import Recording

LARGEST = 2**32 - 2**10  # bytes of samples in a WAV file


@dataclass
class ArrayFolder:
    """Temporary folder with one sound file for each array."""

    path: Path
    count: int = 0  # of arrays so far

    def write(self, samples: Any, rate: float) -> Recording:
        """Write an array as a sound file, and return its recording.

        Args:
            samples: (n,) or (n, channels), in floats with a full scale of 1, or in
                16-bit integers; anything that NumPy converts to such an array
            rate: sampling rate in Hz

        Returns:
            a recording named "array 1" and so on, which is lost with the folder

        Raises:
            AffuseError: if the array is empty, is not finite, or has another type or
                shape, or if the rate is outside the decoder's limits
        """
        self.count += 1
        name = f"array {self.count}"
        try:
            array = np.asarray(samples)
        except (TypeError, ValueError, RuntimeError) as error:  # as of a GPU's tensor
            raise AffuseError(f"{name} is no array of samples: {error}") from error
        values = _checked_samples(name, array)
        path = self.path / f"{name}.wav"  # a table of speakers may name it
        _write(path, values, _checked_rate(name, rate))
        return Recording(name, path)


@contextmanager
def array_folder() -> Iterator[ArrayFolder]:
    """Create a temporary folder for arrays, and remove it with its files at the end."""
    with TemporaryDirectory(prefix="affuse-") as folder:
        yield ArrayFolder(Path(folder))


def _checked_rate(name: str, rate: float) -> int:
    """Return a sampling rate, or raise AffuseError if no file can have it."""
    lowest, highest = header_bounds.RATES
    is_number = isinstance(rate, Real)
    if not (is_number and lowest <= rate <= highest and rate == math.floor(rate)):
        raise AffuseError(
            f"{name} has the sampling rate {rate!r:.30}; give a whole number of Hz "
            f"from {lowest} to {highest}"
        )
    return int(rate)


def _checked_samples(name: str, samples: np.ndarray) -> np.ndarray:
    """Return samples as (n, channels) float32, or raise AffuseError."""
    if samples.dtype.kind == "i" and samples.dtype.itemsize == 2:  # of any byte order
        values = samples.astype(np.float32) / np.float32(FULL_SCALE)
    elif samples.dtype.kind == "f":
        with np.errstate(over="ignore"):  # such samples are refused below
            values = samples.astype(np.float32)
    else:
        raise AffuseError(
            f"{name} has samples of the type {samples.dtype}; convert them to floats "
            f"with a full scale of 1, or to int16"
        )
    shape = samples.shape
    if values.ndim not in (1, 2) or not values.size:
        raise AffuseError(
            f"{name} has the shape {shape}; give (samples,) or (samples, channels), "
            f"none of them 0"
        )
    values = values.reshape(len(values), -1)
    if values.shape[1] > header_bounds.CHANNELS:
        transpose = "; transpose it" if len(values) <= header_bounds.CHANNELS else ""
        raise AffuseError(
            f"{name} has {values.shape[1]} channels, more than "
            f"{header_bounds.CHANNELS}, by its shape {shape}{transpose}"
        )
    if not np.isfinite(values).all():
        raise AffuseError(f"{name} holds NaN or infinite samples; remove them")
    if (peak := float(np.abs(values).max())) > LOUDEST:
        raise AffuseError(
            f"{name} has samples up to {peak:,.0f}, and the full scale of floats is 1; "
            f"divide them by {FULL_SCALE:,.0f} if they were 16-bit integers"
        )
    if values.nbytes > LARGEST:
        raise AffuseError(
            f"{name} has {values.nbytes:,} bytes, more than the {LARGEST:,} of a WAV "
            f"file; divide it"
        )
    return values


def _write(path: Path, samples: np.ndarray, rate: int) -> None:
    """Write (n, channels) float32 samples; libsndfile would add the current time."""
    from scipy.io import wavfile  # a slow import

    wavfile.write(path, rate, samples)
