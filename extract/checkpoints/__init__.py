"""Examination and loading of Hugging Face checkpoints."""
