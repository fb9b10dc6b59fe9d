"""The best checkpoint is that of the epoch with the highest validation CCC.

The validation CCC is computed again from the saved weights. It must equal the highest
value in history.csv. If it is that of another epoch, or if the history is of the test
rows, the epoch was not selected on validation.
"""

from collections.abc import Iterator

import numpy as np

from affuse.data.runs.run_folder import RunFolder
from affuse.fuse.linting.evidence import CACHE, CORPUS, TRAINED, Evidence, TrainedModel
from affuse.fuse.linting.finding import Finding
from affuse.fuse.scoring.metrics import ccc

NEEDS = (TRAINED, CACHE, CORPUS)
CLOSE = 1e-3  # tolerance of a CCC for other devices
REMEDY = "select the epoch on validation only, and train again"


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield differences for each model.

    Args:
        evidence: on the run
    """
    for model in evidence.trained_models():
        if not len(model.epochs):
            yield Finding(
                f"{model.name}: {RunFolder.history} shows no epoch; train again"
            )
            continue
        history = model.epochs.mean(axis=1)  # (epochs,)
        best = int(history.argmax())
        scores = _scores(evidence, model, "validation")
        if not np.abs(scores - model.epochs[best]).max() <= CLOSE:
            yield Finding(
                f"{model.name}: the saved weights have a validation CCC of "
                f"{scores.mean():.4f}, but the best epoch of {RunFolder.history}, "
                f"{best + 1}, shows {history[best]:.4f}"
                f"{_why(evidence, model, scores)}; {REMEDY}"
            )


def _why(evidence: Evidence, model: TrainedModel, scores: np.ndarray) -> str:
    """Return the epoch or part that scores agree with, in words; "" if with none."""
    error = np.abs(model.epochs - scores).max(axis=1)
    if error.min() <= CLOSE:
        return f"; they are those of epoch {int(error.argmin()) + 1}"
    test = _scores(evidence, model, "test")
    if np.abs(model.epochs - test).max(axis=1).min() <= CLOSE:
        return "; the history shows the CCC of the test rows"
    return ""


def _scores(evidence: Evidence, model: TrainedModel, part: str) -> np.ndarray:
    """Return (targets,) the CCC of the saved weights on one part of their fold."""
    ids = evidence.ids(model.fold, part)
    truth, predicted = evidence.truth(ids), evidence.predict(model, ids)
    rated = np.isfinite(truth).all(axis=1)  # The rule `ids` reports unknown ids.
    truth, predicted = truth[rated], predicted[rated]
    return np.array([ccc(truth[:, k], predicted[:, k]) for k in range(truth.shape[1])])
