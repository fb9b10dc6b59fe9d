"""Planning, training and publishing the models of a run."""
