"""Unimodal design on speech, the baseline "Wav2Vec2" of Table II of the paper."""

from affuse.fuse.models.designs._concatenated import Concatenated

MODALITIES = ("audio",)


class Fusion(Concatenated):
    """Design ``Y = FC(Z_a)``."""

    modalities = MODALITIES
