"""Training inputs: caches and ratings joined by id, folds, left-out utterances."""
