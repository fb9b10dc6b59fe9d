"""Encoders, one module each, with `MODALITY`, `CHECKPOINT` and `Encoder`."""
