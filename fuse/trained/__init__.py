"""Trained models on disk, and their predictions for cached utterances."""
