"""Choice of a candidate for each rating by validation CCC, with or without a map.

A baseline that minimises the squared error predicts with too little variance, which
costs CCC and no correlation. So candidates are compared by the validation CCC that they
have after the affine map of highest CCC (`affuse.fuse.scoring.affine.concordant`): that
is their correlation where it is positive. Without the map it is their CCC as it is.
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
    """The candidate of each rating, and the line that its predictions go through."""

    candidates: np.ndarray  # (targets,) numbers of candidates
    lines: tuple[AffineMap, ...]  # one a rating; `IDENTITY` without the map
    scores: tuple[float, ...]  # validation CCC of each rating after its line

    def mapped(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Return weights and constants of linear predictions that include the lines.

        Args:
            weight: (targets, features) of the chosen candidates
            bias: (targets,)
        """
        slope, offset = (
            torch.tensor([getattr(line, name) for line in self.lines]).to(bias)
            for name in ("slope", "offset")
        )
        return slope[:, None] * weight, slope * bias + offset


def choose(validation: Rows, predicted: Tensor, *, mapped: bool) -> ChosenCandidate:
    """Return the first candidate of highest validation CCC for each rating.

    With the map, a candidate whose predictions are constant has no correlation, and is
    chosen only if no candidate has one.

    Args:
        validation: rows with their ratings, (rows, targets)
        predicted: (candidates, rows, targets)
        mapped: whether candidates are compared, and scored, after the map

    Raises:
        AffuseError: if a rating is constant in the validation rows, or a prediction is
            not finite
    """
    truth = validation.truth.double().cpu().numpy()
    demand_defined(truth, validation.targets, part="validation")
    said = predicted.double().cpu().numpy()
    found = [_best(truth[:, k], said[..., k], mapped) for k in range(truth.shape[1])]
    numbers, lines, scores = zip(*found, strict=True)
    return ChosenCandidate(np.array(numbers), lines, scores)


def _best(
    truth: np.ndarray, said: np.ndarray, mapped: bool
) -> tuple[int, AffineMap, float]:
    """Return number, line and score of the best candidate of one rating.

    Args:
        truth: (rows,)
        said: (candidates, rows)
    """
    lines = [concordant(truth, s) if mapped and _varies(s) else IDENTITY for s in said]
    pairs = zip(lines, said, strict=True)
    scores = [metrics.ccc(truth, line(s)) for line, s in pairs]
    ranks = [
        score if not mapped or _varies(s) else -np.inf
        for score, s in zip(scores, said, strict=True)
    ]
    best = int(np.argmax(ranks))
    return best, lines[best], scores[best]


def _varies(said: np.ndarray) -> bool:
    """Return True if predictions differ by more than rounding."""
    return bool(said.std() > ROUNDING * np.abs(said).max())
