"""Notes and warnings on models whose training failed.

Failures are detected in `affuse.fuse.scoring.failed_training`.
"""

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from affuse.data.runs.run_folder import RunFolder
from affuse.data.runs.run_predictions import Predictions, read_predictions
from affuse.fuse.scoring import failed_training
from affuse.fuse.scoring.failed_training import (
    CONSTANT_SHARE,
    SCALE,
    Failure,
    failures,
    is_far_outside,
    is_nearly_constant,
    limits,
)
from affuse.fuse.wording import count

# Least number of utterances for which nearly equal predictions are reported.
LEAST_CONSTANT = 10


def sentences(
    predictions: Predictions, targets: Sequence[str]
) -> Iterator[tuple[str, bool]]:
    """Yield a sentence on predictions far outside the scale and one on constants.

    Args:
        predictions: of all models of a run
        targets: names of the ratings

    Yields:
        the sentence, without the name of the run, and True if a training diverged
    """
    failed = failures(predictions, targets)
    models = len(failed_training.models(predictions))
    if wide := [failure for failure in failed if failure.far]:
        low, high = limits(predictions.truth)
        middle = (low + high) / 2
        worst = max(wide, key=lambda failure: abs(failure.farthest - middle))
        lost = any(failure.diverged for failure in wide)
        why = (
            "the training diverged, or these utterances are unlike those trained on; "
            "look at them, or lower learning_rate where a network is trained"
            if lost
            else "these utterances may be unlike those trained on; look at them"
        )
        yield (
            f"{_models(wide, models)} far outside the scale, {_targets(wide)} in "
            f"{count(sum(f.far for f in wide), 'prediction')} below {low:g} or above "
            f"{high:g} where the scale is -1 to 1, the farthest "
            f"{_number(worst.farthest)} (fold '{worst.fold}', seed {worst.seed}): "
            f"{why}",
            lost,
        )
    if flat := [failure for failure in failed if failure.constant]:
        yield (
            f"{_models(flat, models)} (nearly) the same value for all utterances, "
            f"{_targets(flat)}: the standard deviation is below "
            f"{CONSTANT_SHARE:.0%} of that of the ratings, so the CCC is near 0 "
            f"whatever the design",
            False,
        )


def doubtful_predictions(folder: Path, targets: Sequence[str]) -> Iterator[str]:
    """Yield sentences on models that did not diverge, but whose predictions look wrong.

    They predict a constant, or a few values far outside the scale.

    Args:
        folder: of a run; without predictions in it, no sentence is yielded
        targets: names of the ratings

    Raises:
        DamagedFileError: if the predictions are damaged
    """
    path = RunFolder(folder).predictions
    if path.is_file():
        predictions = read_predictions(path, targets)
        pairs = sentences(predictions, targets)
        yield from (words for words, is_diverged in pairs if not is_diverged)


def unrated_sentences(predicted: np.ndarray, targets: Sequence[str]) -> Iterator[str]:
    """Yield sentences on models that fail on utterances without ratings.

    Args:
        predicted: (models, n, targets) predictions on [-1, 1]
        targets: names of the ratings
    """
    summary = UnratedSummary()
    summary.add(predicted)
    yield from summary.sentences(targets)


class UnratedSummary:
    """Running summary of predictions without ratings, for sentences on failed models.

    Its memory does not grow with the number of utterances. Means and squares of
    deviations are merged as by Chan, Golub and LeVeque (1983, The American Statistician
    37:242), which is exact enough for diverged models too.
    """

    def __init__(self) -> None:
        self._rows = 0  # utterances so far
        self._wide_rows = 0  # utterances with a prediction far outside the scale
        self._wide_models = np.array(False)  # (models,) with such a prediction
        self._worst = 0.0  # prediction of the largest absolute value
        self._mean = np.array(0.0)  # (models, targets)
        self._squares = np.array(0.0)  # (models, targets), of deviations from the mean

    def add(self, predicted: np.ndarray) -> None:
        """Add the predictions of more utterances.

        Args:
            predicted: (models, n, targets) predictions on [-1, 1], n at least 1
        """
        wide = is_far_outside(predicted, np.array(SCALE))
        self._wide_rows += int(wide.any(axis=(0, 2)).sum())
        self._wide_models = self._wide_models | wide.any(axis=(1, 2))
        worst = float(predicted.flat[np.abs(predicted).argmax()])
        self._worst = max(self._worst, worst, key=abs)
        before, more = self._rows, predicted.shape[1]
        self._rows += more
        change = predicted.mean(axis=1) - self._mean
        self._mean = self._mean + change * more / self._rows
        self._squares = self._squares + predicted.var(axis=1) * more
        self._squares = self._squares + np.square(change) * before * more / self._rows

    def sentences(self, targets: Sequence[str]) -> Iterator[str]:
        """Yield sentences on models that fail on the utterances so far.

        Args:
            targets: names of the ratings
        """
        if self._wide_rows:
            low, high = limits(np.array(SCALE))
            number = int(self._wide_models.sum())
            yield (
                f"{number} of {count(len(self._wide_models), 'model')} {_verb(number)} "
                f"below {low:g} or above {high:g}, far outside the scale [-1, 1], for "
                f"{count(self._wide_rows, 'utterance')}, the farthest "
                f"{_number(self._worst)}; either the training diverged, or these "
                f"utterances are unlike those trained on"
            )
        if self._rows < LEAST_CONSTANT:
            return
        # Without ratings, half the length of the scale stands for their deviation.
        flat = self._squares / self._rows < CONSTANT_SHARE**2
        if flat.any():
            named = ", ".join(
                f"{target} in {count(int(number), 'model')}"
                for target, number in zip(targets, flat.sum(axis=0), strict=True)
                if number
            )
            yield (
                f"nearly the same value is predicted for all {self._rows:,} "
                f"utterances: {named}"
            )


def warn_of_failure(
    predicted: np.ndarray, truth: np.ndarray, ratings: np.ndarray
) -> None:
    """Warn the caller of a regressor's `fit` of a failed training.

    Args:
        predicted: (n, targets) predictions of the validation rows
        truth: (n, targets) their ratings, in the same unit
        ratings: (rows, targets) ratings of all rows, whose range is taken as the scale
    """
    if wide := int(is_far_outside(predicted, ratings, scale=None).sum()):
        warnings.warn(
            f"{wide:,} of {predicted.size:,} predictions of validation rows are "
            f"farther outside the range of the ratings than that range is long: the "
            f"training diverged, or these rows are unlike those trained on; lower "
            f"learning_rate, or look at them",
            stacklevel=4,  # the line that calls the regressor's fit
        )
    if flat := np.flatnonzero(is_nearly_constant(predicted, truth)).tolist():
        warnings.warn(
            f"target {', '.join(map(str, flat))} is predicted as (nearly) the same "
            f"value for all validation rows, so its CCC is near 0",
            stacklevel=4,
        )


def _models(failed: Sequence[Failure], models: int) -> str:
    """Return the number of failed models in words, with the verb that follows."""
    number = len({failure.model for failure in failed})
    return f"{number} of {count(models, 'model')} {_verb(number)}"


def _verb(number: int) -> str:
    """Return the verb for a number of models."""
    return "predicts" if number == 1 else "predict"


def _targets(failed: Sequence[Failure]) -> str:
    """Return the names of the ratings with failures."""
    return ", ".join(dict.fromkeys(failure.target for failure in failed))


def _number(value: float) -> str:
    """Return a prediction with a readable number of digits.

    Examples:
        >>> _number(-36613.2), _number(3.0149)
        ('-36,613', '3.015')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
