"""FLOPs of an encoder from its configuration; a multiply-add counts as 2.

Matrix products and convolutions of samples or tokens are counted, without padding.
Norms, activations and softmax are left out, as in `torch.utils.flop_counter`.
"""

from typing import Any

ALL = -1  # number of trained blocks if everything except the convolutions is trained


def frames(config: Any, samples: int) -> int:
    """Return the number of frames that a Wav2Vec2 model makes of an utterance.

    Args:
        config: of the model
        samples: of the utterance
    """
    for taps, stride in zip(config.conv_kernel, config.conv_stride, strict=True):
        samples = (samples - taps) // stride + 1
    return samples


def speech(config: Any, samples: int) -> float:
    """Return the FLOPs of a Wav2Vec2 model with all layers, for one utterance.

    Args:
        config: of the model
        samples: of the utterance
    """
    total: float = 0.0
    steps, channels = samples, 1
    for out, taps, stride in zip(
        config.conv_dim, config.conv_kernel, config.conv_stride, strict=True
    ):
        steps = (steps - taps) // stride + 1
        total += 2.0 * steps * channels * out * taps
        channels = out
    return total + _entry(config, steps) + _speech_blocks(config, steps)


def speech_gradient(config: Any, samples: int, trained: int = ALL) -> float:
    """Return the FLOPs of a Wav2Vec2 model's backward pass, without its convolutions.

    Args:
        config: of the model
        samples: of the utterance
        trained: number of trained blocks, from the highest on; 0 for none, or `ALL`
    """
    steps = frames(config, samples)
    if trained == ALL:
        return 2.0 * (_entry(config, steps) + _speech_blocks(config, steps))
    # With a norm before each block, the lowest block needs its input's gradient too.
    saved = 0.0 if config.do_stable_layer_norm else _inputs(steps, config.hidden_size)
    return 2.0 * _speech_blocks(config, steps, trained) - saved * bool(trained)


def text(config: Any, tokens: int) -> float:
    """Return the FLOPs of a DistilBERT model with all layers, for one text.

    Args:
        config: of the model
        tokens: of the text
    """
    return _blocks(tokens, config.dim, config.hidden_dim, config.n_layers)


def text_gradient(config: Any, tokens: int, trained: int = ALL) -> float:
    """Return the FLOPs of a DistilBERT model's backward pass.

    Args:
        config: of the model
        tokens: of the text
        trained: number of trained blocks, from the highest on; 0 for none, or `ALL`
    """
    if trained == ALL:
        return 2.0 * text(config, tokens)
    flops = 2.0 * _blocks(tokens, config.dim, config.hidden_dim, trained)
    return flops - _inputs(tokens, config.dim) * bool(trained)


def _entry(config: Any, steps: int) -> float:
    """Return the FLOPs of the feature projection and the positional convolution."""
    width: int = config.hidden_size
    kernel: int = config.num_conv_pos_embeddings
    # A convolution with an even kernel computes one more step, which is dropped.
    steps_computed = steps + 1 - kernel % 2
    group_width = width // int(config.num_conv_pos_embedding_groups)
    positions = 2.0 * steps_computed * width * group_width * kernel
    channels: int = config.conv_dim[-1]
    return 2.0 * steps * channels * width + positions


def _speech_blocks(config: Any, steps: int, layers: int | None = None) -> float:
    count = config.num_hidden_layers if layers is None else layers
    return _blocks(steps, config.hidden_size, config.intermediate_size, count)


def _blocks(steps: int, width: int, inner: int, layers: int) -> float:
    """Return the FLOPs of transformer blocks: projections, feed-forward, attention."""
    projections = 8.0 * steps * width**2 + 4.0 * steps * width * inner
    return layers * (projections + 4.0 * steps**2 * width)


def _inputs(steps: int, width: int) -> float:
    """Return the FLOPs of a block's input gradient, by its three projections."""
    return 6.0 * steps * width**2
