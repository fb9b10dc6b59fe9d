"""Mixup of training rows (Zhang et al., 2018, ICLR, arXiv:1710.09412).

A row becomes ``s * row + (1 - s) * partner`` in all its features, in its ratings, in
its auxiliary labels and in the variance of its ratings. The share s is drawn from
Beta(alpha, alpha) for each row, and the partner is another row of the batch.

* The CCC of a batch is no sum over rows. So the loss is not mixed, as it may be for a
  sum: the ratings are, and the CCC is that of mixed predictions with mixed ratings.
  Mixed ratings vary less, by a factor of (1 + alpha) / (1 + 2 alpha) on average.
* Features are mixed after standardisation and before modality dropout and noise. So a
  dropped modality is dropped for both rows, and is the training mean as without mixup.
* Frozen codes of pretrained autoencoders are mixed in place of features. The
  pretraining itself is without mixup.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from affuse.fuse.seeds import derive_seed

PARTNER, SHARE = "mixup partner", "mixup share"  # names of features


class MixupPairs:
    """Partners and shares of the rows of batches, from a stream for each model.

    They are drawn on the CPU, so they are the same on all devices.

    Args:
        seeds: of each model, at least 0
        alpha: of the Beta distribution, above 0
    """

    def __init__(self, seeds: Sequence[int], alpha: float):
        self._alpha = alpha
        bits = [np.random.SFC64(derive_seed(seed, "mixup")) for seed in seeds]
        self._streams = [np.random.Generator(each) for each in bits]

    def epoch(self, chosen: Sequence[int], filled: Tensor) -> list[dict[str, Tensor]]:
        """Return the pairs of all batches of an epoch, as features of the batches.

        Args:
            chosen: indices of the models
            filled: (batches, models, length), True for a row and False for padding;
                padding follows the rows, and is its own partner

        Returns:
            for each batch, {PARTNER: (models, length) int64,
            SHARE: (models, length, 1) float32}
        """
        partner = np.broadcast_to(np.arange(filled.shape[-1]), filled.shape).copy()
        share = np.ones((*filled.shape, 1), np.float32)
        sizes = filled.sum(dim=-1).tolist()
        for batch, by_model in enumerate(sizes):
            for k, (model, size) in enumerate(zip(chosen, by_model, strict=True)):
                stream = self._streams[model]
                partner[batch, k, :size] = stream.permutation(size)
                share[batch, k, :size, 0] = stream.beta(self._alpha, self._alpha, size)
        pairs = zip(torch.from_numpy(partner), torch.from_numpy(share), strict=True)
        return [{PARTNER: first, SHARE: second} for first, second in pairs]


def mixed(values: Tensor, features: Mapping[str, Tensor]) -> Tensor:
    """Return rows mixed with their partners, or unchanged rows without partners.

    Args:
        values: (..., batch, n), without a gradient
        features: of the batch; partners and shares are among them if rows are mixed

    Returns:
        (..., batch, n)
    """
    if PARTNER not in features:
        return values
    partner = features[PARTNER].unsqueeze(-1).expand(values.shape)
    others = values.gather(-2, partner)
    return others + (values - others) * features[SHARE]
