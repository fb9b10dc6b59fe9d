"""Unimodal design on transcripts, the baseline "DistilBERT" of the paper's Table II."""

from affuse.fuse.models.designs._concatenated import Concatenated

MODALITIES = ("text",)


class Fusion(Concatenated):
    """Design ``Y = FC(Z_t)``."""

    modalities = MODALITIES
