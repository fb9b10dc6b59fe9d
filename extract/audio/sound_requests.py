"""Requests to a decoding process, and the checks of its answers.

A malicious file may control the process, so each value is converted and compared with
what is possible. An error means that the process cannot be trusted.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from affuse.data.cache.recording_spans import DIGITS, SILENT
from affuse.data.errors import AffuseError
from affuse.extract.audio import decoding
from affuse.extract.audio.header_bounds import Span

DIGEST = re.compile(rf"[0-9a-f]{{{DIGITS}}}|{SILENT}|")


@dataclass(frozen=True)
class SoundRequest:
    """Span of a file to decode, and what else the decoding process does with it."""

    path: Path
    span: Span = None  # seconds; None for all of the file
    longest: float = math.inf  # seconds; a longer span is refused before it is decoded
    channel: int | None = None  # counted from 1; None for the mean of all channels
    standardised: bool = False  # True for samples of zero mean and unit variance
    has_digest: bool = False  # True to compute the digest of the samples
    # that the span probably lasts; more samples than these go through a pipe
    seconds: float = 0.0

    @property
    def room(self) -> int:
        """Return the number of samples that shared memory is provided for."""
        seconds = min(self.seconds, self.longest)
        return math.ceil(seconds * decoding.SAMPLE_RATE) + 1 if seconds > 0 else 0

    def values(self) -> dict[str, Any]:
        """Return the values of the request, for JSON."""
        return {
            "span": self.span
            and [None if at is None else float(at) for at in self.span],
            "longest": float(self.longest),
            "channel": None if self.channel is None else int(self.channel),
            "standardised": self.standardised,
            "digest": self.has_digest,
        }

    def read(self, values: Mapping[str, Any], samples: np.ndarray) -> decoding.Waveform:
        """Return the samples with notes on their conversion.

        Args:
            values: of the answer
            samples: (n,) float32

        Raises:
            KeyError, TypeError, ValueError: if a value is impossible
        """
        rate, channels = int(values["rate"]), int(values["channels"])
        digest, silent = str(values["digest"]), bool(values["silent"])
        if not len(samples) or not decoding.RATES[0] <= rate <= decoding.RATES[1]:
            raise AffuseError(rate)
        if not DIGEST.fullmatch(digest) or bool(digest) != self.has_digest:
            raise AffuseError(digest)
        repairs = tuple(str(repair) for repair in values["repairs"])
        decoded = decoding.Decoded(
            samples, rate, channels, repairs, self.channel, silent
        )
        return decoding.finish(decoded, digest)


def read_probe(values: Mapping[str, Any], _: np.ndarray) -> decoding.Probe:
    """Return the digest and the header of a file.

    Args:
        values: of the answer

    Raises:
        KeyError, TypeError, ValueError: if a value is impossible
    """
    frames, rate, channels = (int(values[n]) for n in ("frames", "rate", "channels"))
    if frames < 0 or rate < 1:
        raise AffuseError(values)
    digest, cut_off = str(values["digest"]), bool(values["cut_off"])
    repairs = tuple(map(str, values["repairs"]))
    return decoding.Probe(digest, frames, rate, channels, cut_off, repairs)
