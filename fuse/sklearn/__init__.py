"""Fusion models as a scikit-learn regressor, and scorers for searches."""
