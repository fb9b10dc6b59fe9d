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
        least: lowest value
        most: highest value
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
    values: tuple[float, ...] = ()
    is_default: bool = False
    revision: int = 1
