"""Modalities with trainable encoders, and the check that a design takes no others."""

from affuse.data.errors import AffuseError
from affuse.fuse.models.system import modalities

TRAINABLE = ("audio", "text")


def modalities_to_train(fusion: str) -> tuple[str, ...]:
    """Return the modalities that a design takes, audio first.

    Args:
        fusion: name of the design

    Raises:
        AffuseError: if the encoders of one of its modalities cannot be fine-tuned
    """
    needed = modalities(fusion)
    if others := [m for m in needed if m not in TRAINABLE]:
        raise AffuseError(
            f"the design '{fusion}' takes {others[0]}, and only encoders of "
            f"{' and '.join(TRAINABLE)} can be fine-tuned; choose another --fusion"
        )
    return tuple(m for m in TRAINABLE if m in needed)
