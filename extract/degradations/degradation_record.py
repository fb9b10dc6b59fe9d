"""Record of a degradation of inputs, which each plug-in of this kind defines."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Draws:
    """Random generator of one input, and the words that may replace others."""

    generator: np.random.Generator
    words: Sequence[str] = field(default=())  # running words of training transcripts


@dataclass(frozen=True, kw_only=True)
class Degradation:
    """Degradation of recordings or transcripts, with or without a value.

    Attributes:
        modality: "audio" or "text"
        meaning: sentence part that says what is done, after the name and a colon
        apply: function of an input, the value and draws that returns the degraded
            input. A recording is (n,) float32 at 16 kHz, n at least 1; the result has
            the same shape and type, and the recording is not changed. A text is a
            string. Equal arguments give equal results
        unit: of the value; "" for a degradation without a value
        least: lowest value; a lower one changes nothing, or leaves nothing
        most: highest value; a higher one leaves nothing, or changes nothing
        mildest: lowest absolute value, if values near 0 change nothing
        values: of the conditions that `robustness` measures by default, from mild to
            severe; () for none
        is_default: True if `robustness` measures it by default, without a value
        revision: raise it when the same input and value would give another result
    """

    modality: str
    meaning: str
    apply: Callable[[Any, float, Draws], Any]
    unit: str = ""
    least: float = 0.0
    most: float = 0.0
    mildest: float = 0.0
    values: tuple[float, ...] = ()
    is_default: bool = False
    revision: int = 1

    def permits(self, value: float) -> bool:
        """Return True if a value is in the permitted range; NaN is not.

        Args:
            value: in the unit of the degradation
        """
        return self.least <= value <= self.most and abs(value) >= self.mildest

    @property
    def permitted(self) -> str:
        """Permitted range in words, after "a value in dB".

        Examples:
            >>> facts = {"modality": "audio", "meaning": "gain", "apply": max}
            >>> Degradation(least=1, most=60, **facts).permitted
            'between 1 and 60'
            >>> Degradation(least=-60, most=60, mildest=1, **facts).permitted
            'from -60 to -1 or from 1 to 60'
        """
        if self.mildest and self.least < 0 < self.most:
            return (
                f"from {self.least:g} to {-self.mildest:g} or from {self.mildest:g} to "
                f"{self.most:g}"
            )
        return f"between {self.least:g} and {self.most:g}"
