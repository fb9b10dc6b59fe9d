"""Scalar mix of cached encoder layers, with separate weights for each rating.

Layers differ in what they represent: early ones loudness and pitch, late ones words. So
each rating has a weighted mean of the layers (Peters et al., 2018, NAACL, equation 1).
The factor gamma of that equation is left out, because the next linear layer contains
it::

    x_r = sum_l softmax(PACE s_r)_l F_l         F_l: layer l, standardised

The mixtures of all ratings pass through one autoencoder and one design, like rows of a
larger batch. From mixture r, only the prediction of rating r is used.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from affuse.data.cache.recipe import LayerBlock, LayerStructure

# Adam moves a parameter by about one learning rate in each step. The weights of a
# linear layer need changes of hundredths, but the scores of a softmax need changes of
# units. So the scores are multiplied by this factor.
SCORE_FACTOR = 20


class ScalarMix(nn.Module):
    """Weighted means of layers, one for each rating; initially all weights are equal.

    Where the embeddings of several encoders are joined, the layers of each encoder are
    mixed apart, and the mixtures are concatenated.

    Args:
        blocks: layers of each encoder
        targets: number of ratings to predict
    """

    def __init__(self, blocks: Sequence[LayerBlock], targets: int):
        super().__init__()
        self.blocks = tuple(blocks)
        self.scores = nn.Parameter(torch.zeros(targets, sum(b.layers for b in blocks)))

    def weights(self) -> Tensor:
        """Return the weights (targets, layers), which sum to 1 in each encoder."""
        scores = (SCORE_FACTOR * self.scores).split([b.layers for b in self.blocks], 1)
        return torch.cat([each.softmax(dim=1) for each in scores], dim=1)

    def forward(self, embedding: Tensor) -> Tensor:
        """Return the mixture of each rating.

        Args:
            embedding: (batch, sum of layers * dim over encoders)

        Returns:
            (batch, targets, sum of dim over encoders)
        """
        weights = self.weights().split([b.layers for b in self.blocks], dim=1)
        columns = embedding.split([b.layers * b.dim for b in self.blocks], dim=1)
        mixed = [
            torch.einsum("rl,bld->brd", each, x.unflatten(1, (block.layers, block.dim)))
            for each, x, block in zip(weights, columns, self.blocks, strict=True)
        ]
        return torch.cat(mixed, dim=2)


def blocks(structure: LayerStructure, size: int) -> tuple[LayerBlock, ...]:
    """Return the layers of each encoder in an embedding.

    Args:
        structure: number of layers of a single encoder, or the layers of each
        size: of the embedding
    """
    if isinstance(structure, int):
        return (LayerBlock(structure, size // structure),)
    return structure


class PerRatingDesign(nn.Module):
    """Design that predicts each rating from the codes of that rating's mixture.

    Args:
        design: predicts all ratings from one code of each modality
    """

    def __init__(self, design: nn.Module):
        super().__init__()
        self.design = design

    def forward(self, codes: Mapping[str, Tensor]) -> Tensor:
        """Return the predictions of all ratings.

        Args:
            codes: {modality: (batch, targets, dim)}

        Returns:
            (batch, targets)
        """
        shape = next(iter(codes.values())).shape[:2]
        predictions = self.design({m: z.flatten(0, 1) for m, z in codes.items()})
        by_mixture = predictions.unflatten(0, shape)  # (batch, mixtures, targets)
        matching: Tensor = by_mixture.diagonal(dim1=1, dim2=2)
        return matching


def layer_weights(system: nn.Module) -> dict[str, Tensor]:
    """Return the learnt weights of layers: {modality: (targets, layers)}.

    The dictionary is empty if the system does not mix layers. Layers are in the order
    of the recipe, ratings in that of the targets.

    Args:
        system: trained model
    """
    return {
        name.rpartition(".")[2]: module.weights().detach()
        for name, module in system.named_modules()
        if isinstance(module, ScalarMix)
    }
