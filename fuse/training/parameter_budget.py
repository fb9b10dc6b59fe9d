"""Search for the number of hidden units that gives a design N parameters.

The count covers all trained parts of the system, with autoencoders and their decoders,
as in the tables of a report. Nothing is trained or allocated here, because modules are
built on torch's meta device, which has shapes but no values.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch

from affuse.data.cache.recipe import LayerStructure
from affuse.data.cache.store import Embeddings
from affuse.data.errors import OptionError
from affuse.data.records import Corpus
from affuse.fuse.inputs.tensors import find_targets
from affuse.fuse.models.projection import Projection
from affuse.fuse.models.trainable.design_registry import find_trainable
from affuse.fuse.settings import RANGES, Settings

TOLERANCE = 0.1  # relative difference to the requested number
MOST = int(RANGES["hidden"][1])


@dataclass(frozen=True)
class InputSizes:
    """Sizes of the embeddings of each modality, and the number of ratings."""

    dims: Mapping[str, int]  # {modality: size of an embedding with all its layers}
    layers: Mapping[str, LayerStructure]  # {modality: layers in its embedding}
    targets: int  # number of ratings to predict

    @classmethod
    def of(cls, corpus: Corpus, embeddings: Mapping[str, Embeddings]) -> Self:
        """Return the sizes of a corpus's cached embeddings.

        Args:
            corpus: with ratings
            embeddings: {modality: rows of its cache}
        """
        layers = {m: c.recipe.layer_structure for m, c in embeddings.items()}
        dims = {m: c.width for m, c in embeddings.items()}
        return cls(dims, layers, len(find_targets(corpus)))


def count_parameters(fusion: str, sizes: InputSizes, settings: Settings) -> int:
    """Return the number of trainable parameters of a design with these settings.

    With ``reduce="pca"``, the requested number of components is assumed; a fold with
    fewer training rows has fewer.

    Args:
        fusion: name of the design
        sizes: of the embeddings
        settings: of the training
    """
    design = find_trainable(fusion)
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


def match_all_designs(
    fusions: Sequence[str],
    sizes: InputSizes,
    settings: Settings,
    *,
    parameters: int | None,
    say: Callable[[str], object],
) -> dict[str, Settings]:
    """Return the settings of each design with N parameters, before any is trained.

    Args:
        fusions: names of the designs
        sizes: of the embeddings
        settings: of the training
        parameters: requested number; None to change nothing
        say: prints a line

    Returns:
        {design: settings}; empty if no number is requested

    Raises:
        OptionError: as `match_parameters`
    """
    matched: dict[str, Settings] = {}
    if parameters is None:
        return matched
    for fusion in fusions:
        matched[fusion] = match_parameters(
            fusion, sizes, settings, parameters=parameters
        )
        size = count_parameters(fusion, sizes, matched[fusion])
        say(f"{fusion}: hidden={matched[fusion].hidden} gives {size:,} parameters")
    return matched


def match_parameters(
    fusion: str, sizes: InputSizes, settings: Settings, *, parameters: int
) -> Settings:
    """Return settings with the number of hidden units of the nearest parameter count.

    The count increases with the units, so bisection finds them.

    Args:
        fusion: name of a design of any kind
        sizes: of the embeddings
        settings: all others stay unchanged
        parameters: requested number of trainable parameters of the whole system

    Raises:
        OptionError: if the nearest number differs by more than `TOLERANCE`
    """

    def size(hidden: int) -> int:
        """Return the number of parameters with this many hidden units."""
        return count_parameters(fusion, sizes, replace(settings, hidden=hidden))

    low, high = 1, MOST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if size(middle) <= parameters else (low, middle)
    best = min((low, high), key=lambda hidden: abs(size(hidden) - parameters))
    nearest = size(best)
    if abs(nearest - parameters) > TOLERANCE * parameters:
        fixed = (
            f"; its autoencoders and other parts that do not depend on hidden take "
            f"{size(1):,}, less with --set latent, autoencoder_hidden or --reduce pca"
            if nearest > parameters
            else ""
        )
        raise OptionError(
            f"{fusion} cannot have about {parameters:,} parameters: with hidden={best} "
            f"it has {nearest:,}{fixed}; ask for {nearest:,}"
        )
    return replace(settings, hidden=best)
