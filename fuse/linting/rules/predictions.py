"""Predictions are what the saved weights say of the cached test utterances."""

from collections.abc import Iterator

import numpy as np

from affuse.data.runs.run_folder import RunFolder
from affuse.fuse.linting.evidence import CACHE, TRAINED, Evidence, TrainedModel
from affuse.fuse.linting.finding import Finding, examples

NEEDS = (TRAINED, CACHE)
CLOSE, RELATIVE = 1e-4, 1e-3  # another device and another order of sums
REMEDY = "remove the folder of this model and train again"


def findings(evidence: Evidence) -> Iterator[Finding]:
    """By model and rating."""
    for unit in evidence.units():
        said = evidence.predict(unit, unit.predictions.id.tolist())
        for k, name in enumerate(evidence.info.targets):
            wrong = ~_close(unit.predictions.predicted[:, k], said[:, k])
            if wrong.any():
                ids = sorted(unit.predictions.id[wrong].tolist())
                why = _why(evidence, unit, said, k)
                yield Finding(
                    f"{RunFolder.predictions} of {unit.name}: {name} of "
                    f"{examples(ids)} is not what the weights say; {why}; {REMEDY}"
                )


def _close(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.asarray(np.isclose(one, other, rtol=RELATIVE, atol=CLOSE))


def _why(evidence: Evidence, unit: TrainedModel, said: np.ndarray, k: int) -> str:
    """The likeliest reason for a column that differs, in words."""
    p, names = unit.predictions, evidence.info.targets
    column = p.predicted[:, k]
    for j, name in enumerate(names):
        if j != k and _close(column, said[:, j]).all():
            return f"it is what they say of {name}: columns are in another order"
    if _close(np.sort(column), np.sort(said[:, k])).all():
        return "the values are right but at other utterances: joined by position"
    if _close(column, p.truth[:, k]).all():
        return "it is the true rating itself"
    apart = np.abs(column - said[:, k])
    return f"the two differ by up to {apart.max():.3g}, as for {p.id[apart.argmax()]}"
