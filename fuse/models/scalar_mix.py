"""Learned weights of cached layers, for each rating its own.

What a layer knows differs: early ones hold loudness and pitch, late ones words. So each
rating sees a weighted mean of the layers (Peters et al., 2018, NAACL, equation 1,
without their common factor, which the next linear layer has)::

    x_r = sum_l softmax(PACE s_r)_l F_l         F_l: layer l, standardised

The mixtures of all ratings go through one autoencoder and one design, as if they were
rows of a larger batch; of mixture r, the prediction of rating r is taken.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

# Adam moves any parameter by a learning rate a step, about. A softmax needs scores some
# units apart, weights of a linear layer a few hundredths: scores go faster by this.
PACE = 20


class Mixture(nn.Module):
    """One softmax over layers for each rating; at first, all layers weigh the same.

    Args:
        layers: how many there are
        targets: ratings to predict
    """

    def __init__(self, layers: int, targets: int):
        super().__init__()
        self.scores = nn.Parameter(torch.zeros(targets, layers))

    def weights(self) -> Tensor:
        """(targets, layers), each row adds up to 1"""
        return (PACE * self.scores).softmax(dim=1)

    def forward(self, embedding: Tensor) -> Tensor:
        """(batch, layers * dim) -> (batch, targets, dim)"""
        layers = embedding.unflatten(1, (self.scores.shape[1], -1))
        return torch.einsum("rl,bld->brd", self.weights(), layers)


class PerRating(nn.Module):
    """A design that sees, for each rating, codes of the rating's own mixture."""

    def __init__(self, design: nn.Module):
        super().__init__()
        self.design = design

    def forward(self, codes: Mapping[str, Tensor]) -> Tensor:
        """{modality: (batch, targets, dim)} -> (batch, targets)"""
        shape = next(iter(codes.values())).shape[:2]
        found = self.design({m: z.flatten(0, 1) for m, z in codes.items()})
        each = found.unflatten(0, shape)  # (batch, mixtures, targets)
        own: Tensor = each.diagonal(dim1=1, dim2=2)
        return own


def layer_weights(system: nn.Module) -> dict[str, Tensor]:
    """What was learnt: {modality: (targets, layers)}; empty if layers are not weighed.

    Layers are in the order of the recipe, ratings in that of the targets.
    """
    return {
        name.rpartition(".")[2]: module.weights().detach()
        for name, module in system.named_modules()
        if isinstance(module, Mixture)
    }
