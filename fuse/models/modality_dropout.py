"""Hides whole modalities in training, so that one model serves with or without them.

After ModDrop (Neverova et al., 2016, IEEE TPAMI 38:1692). What is hidden is replaced by
the training mean, as is what is missing when the model is applied.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Hiding(nn.Module):
    """Each modality of each utterance is hidden with probability p, but never all.

    Where chance hides all of them, one is shown again, each as likely as the others.
    So ``share = 1 - (1 - p)^n`` of the utterances lose something.

    Everything random is a dropout of ones: whoever trains many models at once can give
    each of them masks of its own.

    Args:
        share: of utterances that lose at least one modality
        modalities: how many there are; a single one is never hidden
    """

    def __init__(self, share: float, modalities: int):
        super().__init__()
        self.active = share > 0 and modalities > 1
        self.draw = nn.Dropout(1 - (1 - share) ** (1 / modalities))
        # the k-th, if none before it, is spared with probability 1 / (n - k)
        self.spare = nn.ModuleList(
            nn.Dropout(1 - 1 / left) for left in range(modalities, 1, -1)
        )

    def forward(self, projected: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """{modality: (batch, dim)}, standardised -> the same, some rows zero"""
        if not (self.active and self.training):
            return dict(projected)
        ones = [torch.ones_like(x[:, :1]) for x in projected.values()]
        shown = [_drawn(self.draw, one) for one in ones]
        lost = torch.stack([1 - kept for kept in shown]).prod(dim=0)  # 1: all hidden
        found = {}
        for place, (modality, x) in enumerate(projected.items()):
            spared = lost
            if place < len(self.spare):
                spared = lost * _drawn(self.spare[place], ones[place])
            lost = lost - spared
            found[modality] = x * (shown[place] + spared)
        return found


def _drawn(dropout: nn.Module, ones: Tensor) -> Tensor:
    """1 where it was kept, whatever factor makes up for what was not."""
    found: Tensor = dropout(ones)
    return (found > 0).to(ones.dtype)
