"""Early fusion: one regressor on the concatenated embeddings (equations 8 and 9)."""

from affuse.fuse.models.designs._concatenated import Concatenated

MODALITIES = ("audio", "text")


class Fusion(Concatenated):
    """Design ``Y = FC(concat(Z_a, Z_t))``."""

    modalities = MODALITIES
