"""Files of run folders: description, folds, predictions and sentence overlap."""
