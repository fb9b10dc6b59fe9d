"""Detection of failed trainings from finite predictions: divergence and constants.

Far outside the scale
    A prediction is further than the length of the scale beyond one of its ends: its
    absolute value exceeds 3 on [-1, 1]. Models of the demo corpus predict up to 1.9, so
    exaggerated predictions are not reported. If ratings lie outside the scale, which
    ``out_of_range=keep`` allows, the scale is extended to contain them.
Diverged
    More than 1 % of the predictions of a rating, and more than two, are far outside the
    scale, or one is more than ten lengths of the scale beyond it. Fewer and nearer
    predictions are only reported: an unusual recording can cause them, and so can the
    map of a baseline.
Constant
    The standard deviation of the predictions is below 1 % of that of the ratings. The
    CCC is then at most ``2 v / (1 + v^2)``, about .02, for any predictions (Lin, 1989;
    v is the ratio of both deviations).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from affuse.data.runs.run_predictions import Predictions

SCALE = (-1.0, 1.0)
FAR_DISTANCE = 1.0  # distance beyond the scale, in lengths of the scale
CONSTANT_SHARE = (
    0.01  # bound of the standard deviation, relative to that of the ratings
)
FEW_PREDICTIONS = (
    2  # predictions far outside the scale that unusual utterances may explain
)
DIVERGED_SHARE = 0.01  # share of the predictions of one rating that shows divergence
DIVERGED_DISTANCE = (
    10.0  # distance, in lengths of the scale, at which one prediction shows it
)


@dataclass(frozen=True)
class Failure:
    """Signs of a failed training in one model's predictions of one rating."""

    fold: str
    seed: int
    target: str
    far: int  # number of predictions far outside the scale
    farthest: float  # the prediction farthest from the middle of the scale
    constant: bool
    diverged: bool  # enough predictions are far outside, or one is far enough

    @property
    def model(self) -> tuple[str, int]:
        """Fold and seed, which identify a model of a run."""
        return self.fold, self.seed


def limits(
    truth: np.ndarray,
    scale: tuple[float, float] | None = SCALE,
    beyond: float = FAR_DISTANCE,
) -> tuple[float, float]:
    """Return the lowest and the highest prediction that is not far outside the scale.

    Args:
        truth: ratings, of any shape, at least one
        scale: of the ratings; None takes the range of `truth`
        beyond: distance beyond the scale, in its lengths, that is far outside

    Examples:
        >>> limits(np.array([-0.5, 1.0])), limits(np.array([2.0, 3.0]), scale=None)
        ((-3.0, 3.0), (1.0, 4.0))
    """
    ends = [float(truth.min()), float(truth.max()), *(scale or ())]
    low, high = min(ends), max(ends)
    reach = beyond * (high - low)
    return low - reach, high + reach


def is_far_outside(
    predicted: np.ndarray,
    truth: np.ndarray,
    scale: tuple[float, float] | None = SCALE,
) -> np.ndarray:
    """Return True for each prediction far outside the scale, in the same shape.

    Args:
        predicted: of any shape
        truth: ratings in the same unit, of any shape
        scale: as for `limits`
    """
    low, high = limits(truth, scale)
    return np.asarray((predicted < low) | (predicted > high))


def is_nearly_constant(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return True for each rating whose predictions are constant, or nearly so.

    Args:
        predicted: (n, targets)
        truth: (n, targets); constant ratings give False

    Returns:
        (targets,) booleans
    """
    spread = truth.std(axis=0, dtype=np.float64)
    deviation = predicted.std(axis=0, dtype=np.float64)
    return np.asarray((spread > 0) & (deviation < CONSTANT_SHARE * spread))


def failures(predictions: Predictions, targets: Sequence[str]) -> tuple[Failure, ...]:
    """Return the signs of failed trainings in the predictions of a run's models.

    Args:
        predictions: of all folds and seeds, on [-1, 1]
        targets: names of the columns
    """
    return tuple(_failures(predictions, targets)) if len(predictions) else ()


def _failures(predictions: Predictions, targets: Sequence[str]) -> Iterator[Failure]:
    """Yield the failures by fold, seed and rating."""
    truth = predictions.truth
    outside, middle = (
        is_far_outside(predictions.predicted, truth),
        sum(limits(truth)) / 2,
    )
    low, high = limits(truth, beyond=DIVERGED_DISTANCE)
    for fold, seed in sorted(models(predictions)):
        rows = np.asarray(predictions.fold == fold) & (predictions.seed == seed)
        values, wide = predictions.predicted[rows], outside[rows]
        flat = is_nearly_constant(values, truth[rows])
        for k, target in enumerate(targets):
            if wide[:, k].any() or flat[k]:
                farthest = values[np.abs(values[:, k] - middle).argmax(), k]
                number = int(wide[:, k].sum())
                many = number > max(FEW_PREDICTIONS, DIVERGED_SHARE * len(values))
                lost = many or not low <= farthest <= high
                yield Failure(
                    fold, seed, target, number, float(farthest), bool(flat[k]), lost
                )


def count_diverged(predictions: Predictions) -> int:
    """Return the number of models whose training diverged.

    Args:
        predictions: of all folds and seeds, on [-1, 1]
    """
    names = [str(k) for k in range(predictions.truth.shape[1])]
    signs = failures(predictions, names)
    return len({failure.model for failure in signs if failure.diverged})


def models(predictions: Predictions) -> set[tuple[str, int]]:
    """Return fold and seed of each model that has predictions.

    Args:
        predictions: of a run
    """
    return set(zip(predictions.fold.tolist(), predictions.seed.tolist(), strict=True))
