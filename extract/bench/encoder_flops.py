"""Arithmetic of an encoder from its configuration; a multiplication and addition is 2.

What is counted is what the result needs: matrix products and convolutions of the
samples or tokens themselves, not of padding. Norms, activations and softmax are left
out, as `torch.utils.flop_counter` leaves them out.
"""

from typing import Any

ALL = -1  # trained blocks, where all else but the convolutions is trained as well


def frames(config: Any, samples: int) -> int:
    """Frames that the convolutions of a Wav2Vec2 model make of so many samples."""
    for taps, stride in zip(config.conv_kernel, config.conv_stride, strict=True):
        samples = (samples - taps) // stride + 1
    return samples


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
    return total + _entry(config, steps) + _speech_blocks(config, steps)


def speech_gradient(config: Any, samples: int, trained: int = ALL) -> float:
    """Of the way back through it; its convolutions are not trained.

    Args:
        trained: highest blocks that are trained; 0 for none, or `ALL`
    """
    steps = frames(config, samples)
    if trained == ALL:
        return 2.0 * (_entry(config, steps) + _speech_blocks(config, steps))
    # what a norm stands before needs its input's gradient too, for that norm
    saved = 0.0 if config.do_stable_layer_norm else _inputs(steps, config.hidden_size)
    return 2.0 * _speech_blocks(config, steps, trained) - saved * bool(trained)


def text(config: Any, tokens: int) -> float:
    """Of a DistilBERT model on one text of so many tokens, all layers."""
    return _blocks(tokens, config.dim, config.hidden_dim, config.n_layers)


def text_gradient(config: Any, tokens: int, trained: int = ALL) -> float:
    """Of the way back through it; `trained` as of `speech_gradient`."""
    if trained == ALL:
        return 2.0 * text(config, tokens)
    found = 2.0 * _blocks(tokens, config.dim, config.hidden_dim, trained)
    return found - _inputs(tokens, config.dim) * bool(trained)


def _entry(config: Any, steps: int) -> float:
    """Between convolutions and blocks: the projection, and the positions."""
    width: int = config.hidden_size
    kernel: int = config.num_conv_pos_embeddings
    # an even kernel makes one step more, which is then dropped
    made = steps + 1 - kernel % 2
    within = width // int(config.num_conv_pos_embedding_groups)
    positions = 2.0 * made * width * within * kernel
    channels: int = config.conv_dim[-1]
    return 2.0 * steps * channels * width + positions


def _speech_blocks(config: Any, steps: int, layers: int | None = None) -> float:
    count = config.num_hidden_layers if layers is None else layers
    return _blocks(steps, config.hidden_size, config.intermediate_size, count)


def _blocks(steps: int, width: int, inner: int, layers: int) -> float:
    """Of transformer blocks: four projections, two inner ones, attention."""
    projections = 8.0 * steps * width**2 + 4.0 * steps * width * inner
    return layers * (projections + 4.0 * steps**2 * width)


def _inputs(steps: int, width: int) -> float:
    """Of the gradient of what enters a block by its three projections."""
    return 6.0 * steps * width**2
