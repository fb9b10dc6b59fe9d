"""Degraded samples of recordings, for the audio encoders of stage one.

The random numbers of a recording are determined by the condition and by the digest of
the recording, its span and its channel. So equal inputs have equal degraded samples, as
equal inputs have equal rows in a cache, and neither the order nor the batch matters.
"""

from collections.abc import Callable

import numpy as np

from affuse.data.cache.recipe import Recipe
from affuse.extract.degradations.condition import parse_identity
from affuse.extract.degradations.degradation_record import Draws

# function of samples (n,) float32 at 16 kHz and the digest of the recording
Degrade = Callable[[np.ndarray, str], np.ndarray]


def find_degrade(recipe: Recipe) -> Degrade | None:
    """Return the function that degrades recordings for a cache; None without one.

    Args:
        recipe: of the cache

    Raises:
        AffuseError: if this version cannot degrade as the recipe says
    """
    if not recipe.degradation:
        return None
    condition = parse_identity(recipe.degradation)
    kind = condition.degradation
    if kind.modality != "audio":
        return None

    def degrade(samples: np.ndarray, content: str) -> np.ndarray:
        draws = Draws(condition.generator(content))
        changed: np.ndarray = kind.apply(samples, condition.value or 0.0, draws)
        return np.ascontiguousarray(changed, np.float32)

    return degrade
