"""Gaussian noise on standardised features in training, as a regulariser.

For small noise and a squared error it acts like a penalty on the gradient of the output
by the input (Bishop, 1995, Neural Computation 7:108).
"""

import torch
from torch import Tensor, nn


class FeatureNoise(nn.Module):
    """Layer that adds independent Gaussian noise to its input in training.

    Training of a model group replaces it, so that each model has its own random stream.

    Args:
        deviation: standard deviation of the noise; 0 for no noise
    """

    def __init__(self, deviation: float):
        super().__init__()
        self.deviation = deviation

    def forward(self, values: Tensor) -> Tensor:
        """Return the features, with noise in training mode.

        Args:
            values: (batch, dim), standardised

        Returns:
            same shape
        """
        if not (self.training and self.deviation):
            return values
        return values + self.deviation * torch.randn_like(values)
