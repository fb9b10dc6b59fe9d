"""Designs of equal size: the hidden units with which one has so many parameters.

Counted is the whole system, autoencoders and decoders included, as tables show it: what
is compared is all that is trained. Nothing is trained here, nor even allocated: modules
are built on torch's meta device, which has shapes and no numbers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch

from affuse.data.cache.store import Embeddings
from affuse.data.errors import OptionError
from affuse.data.records import Corpus
from affuse.fuse.inputs.tensors import rated
from affuse.fuse.models.projection import Projection
from affuse.fuse.models.trainable.design_registry import trainable
from affuse.fuse.settings import RANGES, Settings

TOLERANCE = 0.1  # of what is asked for
MOST = int(RANGES["hidden"][1])


@dataclass(frozen=True)
class InputSizes:
    """What a cache holds of each modality."""

    dims: Mapping[str, int]  # of an embedding, all layers together
    layers: Mapping[str, int]
    targets: int  # ratings to predict

    @classmethod
    def of(cls, corpus: Corpus, embeddings: Mapping[str, Embeddings]) -> Self:
        """Of what is about to be trained on."""
        layers = {m: len(cache.recipe.layers) for m, cache in embeddings.items()}
        dims = {m: c.values.shape[-1] * layers[m] for m, c in embeddings.items()}
        return cls(dims, layers, len(rated(corpus)))


def count(fusion: str, sizes: InputSizes, settings: Settings) -> int:
    """Trainable parameters of a design with these settings.

    With ``reduce="pca"``, as many components are assumed as are asked for; a fold of
    fewer training rows than that has fewer.
    """
    design = trainable(fusion)
    with torch.device("meta"):
        projections = {
            m: Projection(
                sizes.dims[m],
                min(settings.latent, sizes.dims[m])
                if settings.reduce == "pca"
                else None,
            )
            for m in design.modalities(sizes.dims)
        }
        module = design.build(
            projections,
            targets=sizes.targets,
            settings=settings,
            layers=sizes.layers,
        )
    return sum(p.numel() for p in module.parameters())


def match_all(
    fusions: Sequence[str],
    sizes: InputSizes,
    settings: Settings,
    *,
    parameters: int | None,
    say: Callable[[str], object],
) -> dict[str, Settings]:
    """The settings of each design, as `match`; all of them before any is trained.

    Empty if no number of parameters is given.
    """
    found: dict[str, Settings] = {}
    if parameters is None:
        return found
    for fusion in fusions:
        found[fusion] = match(fusion, sizes, settings, parameters=parameters)
        size = count(fusion, sizes, found[fusion])
        say(f"{fusion}: hidden={found[fusion].hidden} makes {size:,} parameters")
    return found


def match(
    fusion: str, sizes: InputSizes, settings: Settings, *, parameters: int
) -> Settings:
    """The settings with the number of hidden units that comes nearest.

    The count grows with the units, so they are found by bisection.

    Args:
        fusion: name of a design, or of a fusion of decisions
        sizes: of the embeddings
        settings: all others stay as they are
        parameters: trainable ones of the whole system

    Raises:
        AffuseError: if the nearest is more than `TOLERANCE` away
    """

    def size(hidden: int) -> int:
        return count(fusion, sizes, replace(settings, hidden=hidden))

    low, high = 1, MOST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if size(middle) <= parameters else (low, middle)
    best = min((low, high), key=lambda hidden: abs(size(hidden) - parameters))
    found = size(best)
    if abs(found - parameters) > TOLERANCE * parameters:
        fixed = (
            f"; its autoencoders and all that does not grow with hidden take "
            f"{size(1):,}, less with --set latent, autoencoder_hidden or --reduce pca"
            if found > parameters
            else ""
        )
        raise OptionError(
            f"{fusion} cannot have about {parameters:,} parameters: with hidden={best} "
            f"it has {found:,}{fixed}; ask for {found:,}"
        )
    return replace(settings, hidden=best)
