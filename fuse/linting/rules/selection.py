"""The kept weights are those of the best epoch, judged by validation rows alone.

The validation CCC is computed again from the saved weights: it must be the highest that
history.csv shows. If it is that of another epoch, or the history is of the test rows,
something else than validation chose.
"""

from collections.abc import Iterator

import numpy as np

from affuse.data.runs.run_folder import RunFolder
from affuse.fuse.linting.evidence import CACHE, CORPUS, TRAINED, Evidence, TrainedModel
from affuse.fuse.linting.finding import Finding
from affuse.fuse.scoring.metrics import ccc

NEEDS = (TRAINED, CACHE, CORPUS)
CLOSE = 1e-3  # of a CCC, on another device
REMEDY = "choose by validation only, and train again"


def findings(evidence: Evidence) -> Iterator[Finding]:
    """By model."""
    for unit in evidence.units():
        if not len(unit.epochs):
            yield Finding(
                f"{unit.name}: {RunFolder.history} shows no epoch; train again"
            )
            continue
        shown = unit.epochs.mean(axis=1)  # (epochs,)
        best = int(shown.argmax())
        found = _scores(evidence, unit, "validation")
        if not np.abs(found - unit.epochs[best]).max() <= CLOSE:
            yield Finding(
                f"{unit.name}: the saved weights have a validation CCC of "
                f"{found.mean():.4f}, but the best epoch of {RunFolder.history}, "
                f"{best + 1}, shows {shown[best]:.4f}"
                f"{_why(evidence, unit, found)}; {REMEDY}"
            )


def _why(evidence: Evidence, unit: TrainedModel, found: np.ndarray) -> str:
    """What else the numbers agree with, in words; "" if with nothing."""
    apart = np.abs(unit.epochs - found).max(axis=1)
    if apart.min() <= CLOSE:
        return f"; they are those of epoch {int(apart.argmin()) + 1}"
    test = _scores(evidence, unit, "test")
    if np.abs(unit.epochs - test).max(axis=1).min() <= CLOSE:
        return "; the history shows the CCC of the test rows"
    return ""


def _scores(evidence: Evidence, unit: TrainedModel, part: str) -> np.ndarray:
    """(targets,) CCC of the saved weights on one part of their fold."""
    ids = evidence.ids(unit.fold, part)
    truth, said = evidence.truth(ids), evidence.predict(unit, ids)
    known = np.isfinite(truth).all(axis=1)  # ids that do not join are another rule's
    truth, said = truth[known], said[known]
    return np.array([ccc(truth[:, k], said[:, k]) for k in range(truth.shape[1])])
