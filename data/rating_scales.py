"""Conversion of ratings from a corpus's scale to [-1, 1], with values outside it."""

import math
from collections.abc import Mapping

from affuse.data.errors import AffuseError

RATINGS = ("valence", "arousal", "dominance")  # the order of every table and tensor
# {rating: words for its lowest and its highest value}
DIRECTIONS = {
    "valence": ("unpleasant", "pleasant"),
    "arousal": ("calm", "excited"),
    "dominance": ("submissive", "in control"),
}
POLICIES = ("clip", "keep", "drop")  # for values outside the nominal scale


def rescale(value: float, *, low: float, high: float) -> float:
    """Return a rating after mapping the scale [low, high] linearly onto [-1, 1].

    Args:
        value: rating on the nominal scale
        low: lowest nominal rating
        high: highest nominal rating

    Examples:
        >>> rescale(3, low=1, high=5), rescale(5.5, low=1, high=5)
        (0.0, 1.25)
    """
    return (2 * value - low - high) / (high - low)


def normalise(
    ratings: Mapping[str, float], *, scale: tuple[float, float], policy: str = "clip"
) -> dict[str, float] | None:
    """Return the ratings of one utterance on [-1, 1].

    Args:
        ratings: as released, by name
        scale: lowest and highest nominal rating, which are not estimated from the data
        policy: for values outside the scale: ``clip`` to its end, ``keep`` them as
            they are, or ``drop`` the utterance

    Returns:
        ratings by name, or None if the utterance is dropped

    Raises:
        AffuseError: if the policy is unknown, or a rating is not finite

    Examples:
        >>> normalise({"valence": 5.5, "arousal": 3}, scale=(1, 5))
        {'valence': 1.0, 'arousal': 0.0}
        >>> normalise({"valence": 5.5}, scale=(1, 5), policy="drop") is None
        True
    """
    if policy not in POLICIES:
        raise AffuseError(
            f"policy must be one of {', '.join(POLICIES)}, got {policy!r}"
        )
    if not all(map(math.isfinite, ratings.values())):
        raise AffuseError(
            f"ratings must be numbers, got {dict(ratings)}; leave out nan"
        )
    low, high = scale
    if policy == "drop" and not all(low <= v <= high for v in ratings.values()):
        return None
    rescaled = {
        name: rescale(value, low=low, high=high) for name, value in ratings.items()
    }
    if policy == "keep":
        return rescaled
    # Rounding may map the end of a scale to 1.0000000000000002.
    return {name: min(1.0, max(-1.0, value)) for name, value in rescaled.items()}
