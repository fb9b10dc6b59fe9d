"""Construction of a speech student with initial weights.

Its first convolution is initialised with mel-spaced tones under a Hann window, which
training refines. The front end makes frames of 20 ms, as published checkpoints do, but
with fewer layers.
"""

import numpy as np
import torch
from torch import Tensor
from transformers import Wav2Vec2Config, Wav2Vec2Model

from affuse.extract.audio.decoding import SAMPLE_RATE
from affuse.extract.distil.student_size import StudentSize

KERNELS, STRIDES = (400, 3, 3), (80, 2, 2)  # receptive field 880 samples, hop 320
TONES, PHASES = 40, 4  # of the first convolution; their product is its width
CHANNELS = (TONES * PHASES, 256, 256)
LOWEST, HIGHEST = 60.0, 7600.0  # Hz, frequencies of the tones


def build(size: StudentSize) -> Wav2Vec2Model:
    """Return a student with tones as first convolution; other weights are random."""
    config = Wav2Vec2Config(
        vocab_size=1,
        hidden_size=size.width,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        intermediate_size=4 * size.width,
        conv_dim=CHANNELS,
        conv_kernel=KERNELS,
        conv_stride=STRIDES,
        conv_bias=True,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
        num_conv_pos_embeddings=64,
        num_conv_pos_embedding_groups=8,
        apply_spec_augment=False,
        layerdrop=0.0,
        **dict.fromkeys(
            (
                "hidden_dropout",
                "attention_dropout",
                "activation_dropout",
                "feat_proj_dropout",
                "feat_quantizer_dropout",
                "final_dropout",
            ),
            0.0,
        ),
    )
    model = Wav2Vec2Model(config)
    with torch.no_grad():
        model.feature_extractor.conv_layers[0].conv.weight.copy_(_tones())
    return model


def _tones() -> Tensor:
    """Return Hann-windowed cosines, evenly spaced in mel: (channels, 1, kernel)."""
    low, high = 2595 * np.log10(1 + np.array([LOWEST, HIGHEST]) / 700)
    mel = np.linspace(low, high, TONES)
    frequencies = 700 * (10 ** (mel / 2595) - 1)
    time = (np.arange(KERNELS[0]) - (KERNELS[0] - 1) / 2) / SAMPLE_RATE
    phases = np.arange(PHASES) / PHASES * 2 * np.pi
    angles = 2 * np.pi * frequencies[:, None, None] * time + phases[:, None]
    tones = np.cos(angles) * np.hanning(KERNELS[0])
    tones /= np.linalg.norm(tones, axis=-1, keepdims=True)
    return torch.from_numpy(tones.reshape(-1, 1, KERNELS[0])).float()


def window() -> int:
    """Return the number of samples in the receptive field of a student's frame."""
    hops = np.cumprod([1, *STRIDES[:-1]])
    return 1 + int(sum((k - 1) * h for k, h in zip(KERNELS, hops, strict=True)))
