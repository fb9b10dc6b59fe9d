"""Transcripts alone, the baseline "DistilBERT" of Table II."""

from affuse.fuse.models.designs._concatenated import Concatenated

MODALITIES = ("text",)


class Fusion(Concatenated):
    """``Y = FC(Z_t)``"""

    modalities = MODALITIES
