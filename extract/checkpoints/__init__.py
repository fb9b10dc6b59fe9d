"""Examination and loading of Hugging Face checkpoints, which may be untrusted."""
