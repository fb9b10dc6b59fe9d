"""Trained models on disk, and their predictions."""
