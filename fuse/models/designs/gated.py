"""Gated fusion: a gate weights the two modalities, for each utterance and unit.

The gated multimodal unit of Arevalo et al., 2017, arXiv:1702.01992, equations 1 to 4.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from affuse.fuse.models.regressor import pick

MODALITIES = ("audio", "text")


class Fusion(nn.Module):
    """Gated multimodal unit of two modalities, followed by a linear layer.

    ::

        H_a = tanh(W_a Z_a)                      H_t = tanh(W_t Z_t)
        G = sigmoid(W_g concat(Z_a, Z_t))
        Y = W (G * H_a + (1 - G) * H_t)

    Each W has a bias.

    Args:
        dims: size of each modality's embedding
        hidden: units of the gated layer
        targets: number of ratings to predict
        dropout: share of gated units that dropout sets to 0 in training
    """

    def __init__(
        self, dims: Mapping[str, int], *, hidden: int, targets: int, dropout: float = 0
    ):
        super().__init__()
        audio, text = (pick(dims, modality) for modality in MODALITIES)
        self.audio = nn.Linear(audio, hidden)
        self.text = nn.Linear(text, hidden)
        self.gate = nn.Linear(audio + text, hidden)
        self.regressor = nn.Sequential(nn.Dropout(dropout), nn.Linear(hidden, targets))

    def forward(self, embeddings: Mapping[str, Tensor]) -> Tensor:
        """Return the predictions.

        Args:
            embeddings: {modality: (batch, dim)}

        Returns:
            (batch, targets)
        """
        audio, text = (pick(embeddings, modality) for modality in MODALITIES)
        gate = self._open_gate(audio, text)
        from_audio, from_text = (
            torch.tanh(self.audio(audio)),
            torch.tanh(self.text(text)),
        )
        fused = gate * from_audio + (1 - gate) * from_text
        predictions: Tensor = self.regressor(fused)
        return predictions

    def modality_weights(self, embeddings: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the mean gate of each modality over the units: {modality: (batch,)}.

        Args:
            embeddings: {modality: (batch, dim)}
        """
        audio, text = (pick(embeddings, modality) for modality in MODALITIES)
        weight = self._open_gate(audio, text).mean(dim=1)
        return {"audio": weight, "text": 1 - weight}

    def _open_gate(self, audio: Tensor, text: Tensor) -> Tensor:
        """Return the weights of the audio units: (batch, hidden), from 0 to 1."""
        return torch.sigmoid(self.gate(torch.cat([audio, text], dim=1)))
