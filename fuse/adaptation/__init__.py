"""Adaptation of a trained model to clips that a user rated, kept only if it helps."""
