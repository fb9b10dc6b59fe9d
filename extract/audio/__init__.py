"""Decoding of audio files to samples, in another process and with input checks."""
