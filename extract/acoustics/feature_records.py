"""Record of one acoustic feature: its name, unit, definition and source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class AcousticFeature:
    """Acoustic feature of an utterance."""

    name: str
    unit: str  # "1" for a share or a ratio
    meaning: str
    source: str  # publication with the definition that was followed


def ordered(
    features: Sequence[AcousticFeature], values: Mapping[str, float]
) -> np.ndarray:
    """Return values in the order of their features, (features,) float64.

    Args:
        features: of one family
        values: by name of the feature, exactly one for each

    Raises:
        ValueError: if a value is missing, or has no feature
    """
    names = [feature.name for feature in features]
    if set(names) != set(values):
        raise ValueError(f"features and values differ: {set(names) ^ set(values)}")
    return np.array([values[name] for name in names], np.float64)
