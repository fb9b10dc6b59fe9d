"""Inputs of training: join of caches and ratings by id, folds, and omissions."""
