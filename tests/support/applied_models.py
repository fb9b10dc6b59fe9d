"""Applied models, shared by several test files."""

import numpy as np

from affuse.fuse.trained.prediction import Applied


def example_predictions(*ids):
    """What three models say: two seeds of fold one, and one of fold two."""
    blank = np.zeros((len(ids), 1))
    folds, seeds = ("one", "one", "two"), (0, 1, 0)
    said = np.zeros((3, len(ids), 1))
    return Applied(ids, ("valence",), blank, blank, 3, said, folds, seeds, {}, 0)
