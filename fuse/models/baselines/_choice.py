"""Choice of a candidate for each rating by validation CCC, and its affine map.

A baseline that minimises the squared error predicts with too little variance, which
lowers the CCC but not the correlation. So candidates are compared by their validation
CCC after the affine map of highest CCC (`affuse.fuse.scoring.affine.concordant`), which
is their correlation where that is positive. Without the map, they are compared by CCC.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from affuse.fuse.inputs.rating_variation import demand_defined
from affuse.fuse.inputs.tensors import Rows
from affuse.fuse.scoring import metrics
from affuse.fuse.scoring.affine import IDENTITY, AffineMap, concordant

ROUNDING = 1e-9  # spread below which predictions are constant, relative to their size


@dataclass(frozen=True)
class ChosenCandidate:
    """Chosen candidate of each rating, and the affine map of its predictions."""

    candidates: np.ndarray  # (targets,) indices of candidates
    lines: tuple[AffineMap, ...]  # one for each rating; `IDENTITY` without the map
    scores: tuple[float, ...]  # validation CCC of each rating after its map

    def mapped(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Return weights and constants of linear predictions that include the maps.

        Args:
            weight: (targets, features) of the chosen candidates
            bias: (targets,)

        Returns:
            (targets, features) and (targets,)
        """
        slope, offset = (
            torch.tensor([getattr(line, name) for line in self.lines]).to(bias)
            for name in ("slope", "offset")
        )
        return slope[:, None] * weight, slope * bias + offset


def choose(validation: Rows, predicted: Tensor, *, mapped: bool) -> ChosenCandidate:
    """Return the first candidate of highest validation CCC for each rating.

    With the map, a candidate with constant predictions has no correlation, and is
    chosen only if all candidates are constant.

    Args:
        validation: rows with their ratings, (rows, targets)
        predicted: (candidates, rows, targets)
        mapped: compare and score candidates after the map

    Raises:
        AffuseError: if a rating is constant in the validation rows, or a prediction is
            not finite
    """
    truth = validation.truth.double().cpu().numpy()
    demand_defined(truth, validation.targets, part="validation")
    votes = predicted.double().cpu().numpy()
    choices = [_best(truth[:, k], votes[..., k], mapped) for k in range(truth.shape[1])]
    numbers, lines, scores = zip(*choices, strict=True)
    return ChosenCandidate(np.array(numbers), lines, scores)


def _best(
    truth: np.ndarray, predictions: np.ndarray, mapped: bool
) -> tuple[int, AffineMap, float]:
    """Return index, map and score of the best candidate of one rating.

    Args:
        truth: (rows,)
        predictions: (candidates, rows)
        mapped: compare and score candidates after the map
    """
    lines = [
        concordant(truth, s) if mapped and _varies(s) else IDENTITY for s in predictions
    ]
    pairs = zip(lines, predictions, strict=True)
    scores = [metrics.ccc(truth, line(s)) for line, s in pairs]
    ranks = [
        score if not mapped or _varies(s) else -np.inf
        for score, s in zip(scores, predictions, strict=True)
    ]
    best = int(np.argmax(ranks))
    return best, lines[best], scores[best]


def _varies(predictions: np.ndarray) -> bool:
    """Return True if predictions differ by more than rounding."""
    return bool(predictions.std() > ROUNDING * np.abs(predictions).max())
