"""The implementation of `TrainableDesign` that a design's name stands for."""

from collections.abc import Iterator, Sequence

from torch import nn

from affuse.fuse.models.design import Design
from affuse.fuse.models.design_files import recorded_file
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
FITTING = (BaselineDesign, ZeroshotDesign, NetworkDesign, DecisionDesign)  # quick first


def design_names() -> list[str]:
    """Return the names of all designs that can be trained, by kind."""
    return [name for kind in KINDS for name in kind.names()]


def trainable(fusion: str | type[nn.Module] | Design) -> TrainableDesign:
    """Return the design of a name, or of a class of the user's.

    A name that no other kind has is that of a network, whether or not its code is at
    hand: a run may have been trained with a design that is not installed here.
    """
    for kind in KINDS[1:]:
        if isinstance(fusion, str) and fusion in kind.names():
            return kind(fusion)
    return NetworkDesign(fusion)


def by_kind(
    fusions: Sequence[str | Design],
) -> Iterator[tuple[type[TrainableDesign], list[int]]]:
    """Yield each kind of design that there is, and the numbers of its designs.

    Kinds that are fitted quickly come first.
    """
    kinds = [type(trainable(fusion)) for fusion in fusions]
    for kind in FITTING:
        numbers = [number for number, other in enumerate(kinds) if other is kind]
        if numbers:
            yield kind, numbers


def code_difference(recorded: str, fusion: str) -> str:
    """Say how recorded code differs from the code that is here; "" if it does not.

    Args:
        recorded: code revision of the design when a model was trained; "" if it was
            not recorded
        fusion: name of the design

    Raises:
        AffuseError: if there is no such design
    """
    if not recorded or recorded == (present := trainable(fusion).code_revision()):
        return ""
    file = recorded_file(fusion)
    place = f" in {file.path}" if file else ""
    return (
        f"the code of the design '{fusion}'{place} has changed since "
        f"({recorded} then, {present} now)"
    )
