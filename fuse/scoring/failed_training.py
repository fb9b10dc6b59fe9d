"""Predictions that say that a training failed, though they are finite numbers.

Far outside the scale
    More than the length of the scale beyond one of its ends: beyond 3 in absolute value
    on [-1, 1]. Models of the demo corpus go up to 1.9, so there is room for those that
    exaggerate. Where ratings lie outside the scale, which ``out_of_range=keep`` allows,
    the scale is taken to reach as far as they do.
Diverged
    More than 1 % of the predictions of a rating, and more than two, are far outside the
    scale, or one is more than ten lengths of the scale beyond it. Fewer and nearer ones
    are named: a recording unlike all others can make them, and so can the map of a
    baseline.
Constant
    A standard deviation below 1 % of that of the ratings. The CCC is then at most
    ``2 v / (1 + v^2)``, about .02, whatever the predictions say of the utterances (Lin,
    1989; v is the ratio of both deviations).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from affuse.data.runs.run_predictions import Predictions

SCALE = (-1.0, 1.0)
BEYOND = 1.0  # lengths of the scale, outside it, that are far
CONSTANT = 0.01  # of the deviation of the ratings
FEW = 2  # predictions far outside the scale that may be of odd utterances
MANY = 0.01  # of the predictions of one rating, which say that a training diverged
LOST = 10.0  # lengths of the scale beyond it, where a single prediction says so


@dataclass(frozen=True)
class Failure:
    """What one model predicts of one rating, if that says that its training failed."""

    fold: str
    seed: int
    target: str
    far: int  # predictions far outside the scale
    farthest: float  # of them; the prediction farthest from the middle of the scale
    constant: bool
    diverged: bool  # so many, or so far, that the training diverged

    @property
    def model(self) -> tuple[str, int]:
        """Fold and seed, which tell the models of a run apart."""
        return self.fold, self.seed


def limits(
    truth: np.ndarray,
    scale: tuple[float, float] | None = SCALE,
    beyond: float = BEYOND,
) -> tuple[float, float]:
    """Return the lowest and the highest prediction that is not far outside the scale.

    Args:
        truth: ratings, of any shape, at least one
        scale: of the ratings; None for that of `truth`
        beyond: lengths of the scale outside it that are far

    Examples:
        >>> limits(np.array([-0.5, 1.0])), limits(np.array([2.0, 3.0]), scale=None)
        ((-3.0, 3.0), (1.0, 4.0))
    """
    ends = [float(truth.min()), float(truth.max()), *(scale or ())]
    low, high = min(ends), max(ends)
    reach = beyond * (high - low)
    return low - reach, high + reach


def far(
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


def constant(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return True for each rating that is predicted as one value, or nearly so.

    Args:
        predicted: (n, targets)
        truth: (n, targets); a rating that does not vary itself is not judged

    Returns:
        (targets,)
    """
    spread = truth.std(axis=0, dtype=np.float64)
    said = predicted.std(axis=0, dtype=np.float64)
    return np.asarray((spread > 0) & (said < CONSTANT * spread))


def failures(found: Predictions, targets: Sequence[str]) -> tuple[Failure, ...]:
    """Return what each model of a run predicts that says that its training failed.

    Args:
        found: of all folds and seeds, on [-1, 1]
        targets: names of the columns
    """
    return tuple(_failures(found, targets)) if len(found) else ()


def _failures(found: Predictions, targets: Sequence[str]) -> Iterator[Failure]:
    """Yield the failures by fold, seed and rating."""
    outside, middle = far(found.predicted, found.truth), sum(limits(found.truth)) / 2
    low, high = limits(found.truth, beyond=LOST)
    for fold, seed in sorted(models(found)):
        rows = np.asarray(found.fold == fold) & (found.seed == seed)
        said, wide = found.predicted[rows], outside[rows]
        flat = constant(said, found.truth[rows])
        for k, target in enumerate(targets):
            if wide[:, k].any() or flat[k]:
                farthest = said[np.abs(said[:, k] - middle).argmax(), k]
                number = int(wide[:, k].sum())
                many = number > max(FEW, MANY * len(said))
                lost = many or not low <= farthest <= high
                yield Failure(
                    fold, seed, target, number, float(farthest), bool(flat[k]), lost
                )


def diverged(found: Predictions) -> int:
    """Return the number of models whose training diverged."""
    names = [str(k) for k in range(found.truth.shape[1])]
    return len({one.model for one in failures(found, names) if one.diverged})


def models(found: Predictions) -> set[tuple[str, int]]:
    """Return fold and seed of each model, of all folds and seeds."""
    return set(zip(found.fold.tolist(), found.seed.tolist(), strict=True))
