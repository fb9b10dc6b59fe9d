"""Lookup of the implementation of `TrainableDesign` for a design's name."""

from collections.abc import Iterator, Sequence

from torch import nn

from affuse.fuse.models.design import Design
from affuse.fuse.models.design_files import design_file
from affuse.fuse.models.trainable.baseline_design import BaselineDesign
from affuse.fuse.models.trainable.decision_design import DecisionDesign
from affuse.fuse.models.trainable.design_protocol import TrainableDesign
from affuse.fuse.models.trainable.network_design import NetworkDesign
from affuse.fuse.models.trainable.zeroshot_design import ZeroshotDesign

KINDS: tuple[type[TrainableDesign], ...] = (
    NetworkDesign,
    DecisionDesign,
    BaselineDesign,
    ZeroshotDesign,
)
# kinds that are fitted fast come first
FITTING_ORDER = (BaselineDesign, ZeroshotDesign, NetworkDesign, DecisionDesign)


def design_names() -> list[str]:
    """Return the names of all designs that can be trained, by kind."""
    return [name for kind in KINDS for name in kind.names()]


def find_trainable(fusion: str | type[nn.Module] | Design) -> TrainableDesign:
    """Return the implementation for a design's name, record or class.

    A name that belongs to no other kind is that of a network, even if its code is not
    available: a run may have been trained with a design that is not installed here.

    Args:
        fusion: name, record or class of the design
    """
    for kind in KINDS[1:]:
        if isinstance(fusion, str) and fusion in kind.names():
            return kind(fusion)
    return NetworkDesign(fusion)


def group_by_kind(
    fusions: Sequence[str | Design],
) -> Iterator[tuple[type[TrainableDesign], list[int]]]:
    """Yield each kind among some designs, and the indices of its designs.

    Kinds that are fitted fast come first.

    Args:
        fusions: names or records of designs
    """
    kinds = [type(find_trainable(fusion)) for fusion in fusions]
    for kind in FITTING_ORDER:
        numbers = [number for number, other in enumerate(kinds) if other is kind]
        if numbers:
            yield kind, numbers


def code_difference(recorded: str, fusion: str) -> str:
    """Return a message that recorded and present code differ, or "" if they agree.

    Args:
        recorded: code revision of the design when the model was trained; "" if it was
            not recorded
        fusion: name of the design

    Raises:
        AffuseError: if there is no such design
    """
    if not recorded or recorded == (present := find_trainable(fusion).code_revision()):
        return ""
    file = design_file(fusion)
    place = f" in {file.path}" if file else ""
    return (
        f"the code of the design '{fusion}'{place} has changed since "
        f"({recorded} then, {present} now)"
    )
