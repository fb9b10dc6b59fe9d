"""Predictions equal those of the saved weights for the cached test utterances."""

from collections.abc import Iterator

import numpy as np

from affuse.data.runs.run_folder import RunFolder
from affuse.fuse.linting.evidence import CACHE, TRAINED, Evidence, TrainedModel
from affuse.fuse.linting.finding import Finding, examples

NEEDS = (TRAINED, CACHE)
CLOSE, RELATIVE = 1e-4, 1e-3  # tolerances for other devices and orders of summation
REMEDY = "remove the folder of this model and train again"


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield differences for each model and rating.

    Args:
        evidence: on the run
    """
    for model in evidence.trained_models():
        expected = evidence.predict(model, model.predictions.id.tolist())
        for k, name in enumerate(evidence.info.targets):
            wrong = ~_close(model.predictions.predicted[:, k], expected[:, k])
            if wrong.any():
                ids = sorted(model.predictions.id[wrong].tolist())
                why = _why(evidence, model, expected, k)
                yield Finding(
                    f"{RunFolder.predictions} of {model.name}: {name} of "
                    f"{examples(ids)} is not what the weights predict; {why}; {REMEDY}"
                )


def _close(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return True for each pair of values that differ within the tolerances."""
    return np.asarray(np.isclose(one, other, rtol=RELATIVE, atol=CLOSE))


def _why(evidence: Evidence, model: TrainedModel, expected: np.ndarray, k: int) -> str:
    """Return the most likely reason for a column that differs, in words."""
    p, names = model.predictions, evidence.info.targets
    column = p.predicted[:, k]
    for j, name in enumerate(names):
        if j != k and _close(column, expected[:, j]).all():
            return f"it is their prediction of {name}: columns are in another order"
    if _close(np.sort(column), np.sort(expected[:, k])).all():
        return "the values are right but at other utterances: joined by position"
    if _close(column, p.truth[:, k]).all():
        return "it is the true rating itself"
    error = np.abs(column - expected[:, k])
    return f"the two differ by up to {error.max():.3g}, as for {p.id[error.argmax()]}"
