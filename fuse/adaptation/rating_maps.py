"""Maps of one rating: unchanged, by offset and gain, or by ridge regression on codes.

A map takes the predictions and codes of clips and returns the adapted rating. Adapted
ratings are clipped to the scale [-1, 1], because few clips may fit a steep line.
"""

from dataclasses import dataclass

import numpy as np

from affuse.fuse.adaptation.clip_inputs import ClipInputs
from affuse.fuse.scoring.affine import IDENTITY, AffineMap, concordant

KINDS = ("none", "affine", "regression")
SCALE = (-1.0, 1.0)  # of ratings and adapted ratings
PRIOR_CLIPS = 5  # weight of the identity in `shrunken_map`, as a number of clips
REACH = 3.0  # standardised inputs of a ridge regression are clipped to +-REACH


@dataclass(frozen=True)
class RidgeMap:
    """Ridge regression on standardised predictions and codes, followed by a map.

    ::

        rating = intercept + weights . clip((x - centre) / scale, -REACH, REACH)

    x are the predictions of all ratings, then the codes. Inputs far from those of the
    rated clips are clipped, because a linear model is not known to hold there.
    """

    centre: np.ndarray  # (targets + size,)
    scale: np.ndarray  # (targets + size,), above 0
    weights: np.ndarray  # (targets + size,)
    intercept: float

    def __call__(self, inputs: ClipInputs) -> np.ndarray:
        """Return the predictions: (n,), not clipped; NaN for clips without codes.

        Args:
            inputs: of clips, with codes
        """
        assert inputs.codes is not None, "a ridge regression needs codes"
        joined = np.hstack([inputs.mean, inputs.codes])
        return np.asarray(
            self.intercept + standardise(joined, self.centre, self.scale) @ self.weights
        )


def standardise(
    joined: np.ndarray, centre: np.ndarray, scale: np.ndarray
) -> np.ndarray:
    """Return (n, features) standardised and clipped to +-REACH.

    Args:
        joined: (n, features)
        centre: (features,)
        scale: (features,), above 0
    """
    return np.asarray(np.clip((joined - centre) / scale, -REACH, REACH))


@dataclass(frozen=True)
class RatingMap:
    """Map of one rating from predictions and codes to an adapted rating."""

    kind: str = "none"  # one of KINDS
    line: AffineMap = (
        IDENTITY  # offset and gain; for "regression", of clips without codes
    )
    ridge: RidgeMap | None = None  # None unless the kind is "regression"

    def __call__(self, inputs: ClipInputs, target: int) -> np.ndarray:
        """Return the ratings of clips, clipped to the scale unless the kind is "none".

        Args:
            inputs: of n clips
            target: column of the rating in the predictions

        Returns:
            (n,)
        """
        if self.kind == "none":
            return inputs.mean[:, target]
        return np.asarray(np.clip(self.unclipped(inputs, target), *SCALE))

    def unclipped(self, inputs: ClipInputs, target: int) -> np.ndarray:
        """Return (n,) ratings of clips before they are clipped to the scale.

        Args:
            inputs: of n clips
            target: column of the rating in the predictions
        """
        mapped = self.line(inputs.mean[:, target])
        if self.ridge is not None and (known := inputs.has_codes).any():
            mapped[known] = self.ridge(inputs.take(known))
        return mapped


def shrunken_map(truth: np.ndarray, predicted: np.ndarray) -> AffineMap:
    """Return the map of the highest CCC, shrunk towards the identity for few clips.

    ::

        gain = (sd(t) / sd(p)) ** w       w = n / (n + PRIOR_CLIPS)
        mean of mapped predictions = mean(p) + w (mean(t) - mean(p))

    With w = 1, it is `affuse.fuse.scoring.affine.concordant`. Differences of the mean
    and the logarithm of the gain are shrunk as posterior means of normal values under a
    prior around 0 that weighs as much as `PRIOR_CLIPS` clips. In simulations with 20
    clips, this weight gave a higher CCC than none, and no lower one than a weight that
    cross-validation chose.

    Args:
        truth: (n,) ratings
        predicted: (n,) predictions

    Returns:
        a map with a gain above 0; the identity if the correlation is not positive,
        because then no such gain helps
    """
    full = concordant(truth, predicted)
    if full == IDENTITY:
        return IDENTITY
    share = len(truth) / (len(truth) + PRIOR_CLIPS)
    gain, middle = float(full.slope**share), float(predicted.mean())
    shift = share * float(truth.mean() - middle)
    return AffineMap(gain, middle + shift - gain * middle)
