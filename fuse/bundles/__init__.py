"""Bundles: folders with all that is needed to predict elsewhere with a model."""
