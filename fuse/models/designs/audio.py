"""Speech alone, the baseline "Wav2Vec2" of Table II."""

from affuse.fuse.models.designs._concatenated import Concatenated

MODALITIES = ("audio",)


class Fusion(Concatenated):
    """``Y = FC(Z_a)``"""

    modalities = MODALITIES
