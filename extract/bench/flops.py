"""Arithmetic of an encoder from its configuration; a multiplication and addition is 2.

What is counted is what the result needs: matrix products and convolutions of the
samples or tokens themselves, not of padding. Norms, activations and softmax are left
out, as `torch.utils.flop_counter` leaves them out.
"""

from typing import Any


def speech(config: Any, samples: int) -> float:
    """Of a Wav2Vec2 model on one utterance of so many samples, all layers."""
    total: float = 0.0
    steps, channels = samples, 1
    for out, taps, stride in zip(
        config.conv_dim, config.conv_kernel, config.conv_stride, strict=True
    ):
        steps = (steps - taps) // stride + 1
        total += 2.0 * steps * channels * out * taps
        channels = out
    width: int = config.hidden_size
    kernel: int = config.num_conv_pos_embeddings
    total += 2.0 * steps * channels * width
    # an even kernel makes one step more, which is then dropped
    made = steps + 1 - kernel % 2
    within = width // int(config.num_conv_pos_embedding_groups)
    total += 2.0 * made * width * within * kernel
    return total + _blocks(
        steps, width, config.intermediate_size, config.num_hidden_layers
    )


def text(config: Any, tokens: int) -> float:
    """Of a DistilBERT model on one text of so many tokens, all layers."""
    return _blocks(tokens, config.dim, config.hidden_dim, config.n_layers)


def _blocks(steps: int, width: int, inner: int, layers: int) -> float:
    """Of transformer blocks: four projections, two inner ones, attention."""
    projections = 8.0 * steps * width**2 + 4.0 * steps * width * inner
    return layers * (projections + 4.0 * steps**2 * width)
