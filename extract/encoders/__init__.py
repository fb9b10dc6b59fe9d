"""Encoders, one file each; each offers `MODALITY`, `CHECKPOINT` and `Encoder`."""
