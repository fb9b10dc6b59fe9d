"""Early fusion, equations 8 and 9: one regressor on the concatenated embeddings."""

from affuse.fuse.models.designs._concatenated import Concatenated

MODALITIES = ("audio", "text")


class Fusion(Concatenated):
    """``Y = FC(concat(Z_a, Z_t))``"""

    modalities = MODALITIES
