"""Fusion designs, baselines, projections and autoencoders, and their saved weights."""
