"""Speech alone, the baseline "Wav2Vec2" of Table II."""

from fuse.designs._concatenated import Concatenated

MODALITIES = ("audio",)


class Fusion(Concatenated):
    """``Y = FC(Z_a)``"""

    modalities = MODALITIES
