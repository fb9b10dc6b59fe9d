"""Files of a run folder: description, folds, predictions, sentence overlap."""
