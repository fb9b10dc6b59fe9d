"""Acoustic functionals of utterances: pitch, level, spectrum and rhythm."""
