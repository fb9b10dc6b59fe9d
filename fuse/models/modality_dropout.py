"""Modality dropout: one model predicts with or without some of its modalities.

The method follows ModDrop (Neverova et al., 2016, IEEE TPAMI 38:1692). A dropped
modality is replaced by its training mean, as is a modality that is missing when the
model is applied.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class ModalityDropout(nn.Module):
    """Layer that drops each modality of an utterance with probability p, but never all.

    If all modalities of an utterance are drawn, one of them is restored, chosen
    uniformly. So ``share = 1 - (1 - p)^n`` of the utterances lose a modality.

    All random numbers come from dropout layers that are applied to ones. So a model
    group can replace them by separate masks for each model.

    Args:
        share: share of the utterances that lose at least one modality, in [0, 1)
        modalities: number of modalities; a single one is never dropped
    """

    def __init__(self, share: float, modalities: int):
        super().__init__()
        self.active = share > 0 and modalities > 1
        self.draw = nn.Dropout(1 - (1 - share) ** (1 / modalities))
        # Modality k is restored with probability 1 / (n - k), if none before it is.
        self.spare = nn.ModuleList(
            nn.Dropout(1 - 1 / left) for left in range(modalities, 1, -1)
        )

    def forward(self, projected: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the embeddings, with some rows set to zero in training.

        Args:
            projected: {modality: (batch, dim)}, standardised

        Returns:
            same keys and shapes
        """
        if not (self.active and self.training):
            return dict(projected)
        ones = [torch.ones_like(x[:, :1]) for x in projected.values()]
        present = [_mask(self.draw, one) for one in ones]
        lost = torch.stack([1 - mask for mask in present]).prod(dim=0)  # 1: all dropped
        results = {}
        for index, (modality, x) in enumerate(projected.items()):
            restored = lost
            if index < len(self.spare):
                restored = lost * _mask(self.spare[index], ones[index])
            lost = lost - restored
            results[modality] = x * (present[index] + restored)
        return results


def _mask(dropout: nn.Module, ones: Tensor) -> Tensor:
    """Return a mask of 0 and 1 from a dropout layer, without its scaling."""
    scaled: Tensor = dropout(ones)
    return (scaled > 0).to(ones.dtype)
