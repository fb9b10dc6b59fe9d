"""Predictions of a run's models for tests, without any training."""

import numpy as np

from affuse.fuse.trained.model_set import RunPrediction


def example_predictions(*ids):
    """Return predictions of two seeds of fold one and of one seed of fold two."""
    blank = np.zeros((len(ids), 1))
    folds, seeds = ("one", "one", "two"), (0, 1, 0)
    predicted = np.zeros((3, len(ids), 1))
    return RunPrediction(
        ids, ("valence",), blank, blank, 3, predicted, folds, seeds, {}, 0
    )
