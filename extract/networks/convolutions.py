"""Convolutions of the Wav2Vec2 family as matrix products and Fourier transforms.

Results equal those of transformers within 1e-5, since only the order of the sums
differs. On a CPU they reach the speed of matrix products, which torch's convolutions
over many channels do not.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

TILE = 8e6  # bytes of the first, widest layer at a time; they fit into a CPU's cache
EIGHT = 8  # a GPU's matrix products need rows of a multiple of this length
SHORTEST = 64  # kernel length from which the Fourier transform is faster


def fold(model: Any) -> None:
    """Replace weight norms by their weights, so that no batch computes them again.

    One thread computes the weights. Several threads round differently, which would
    change every embedding.

    Args:
        model: a transformers model, changed in place
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for module in list(model.modules()):
            if parametrize.is_parametrized(module, "weight"):
                parametrize.remove_parametrizations(module, "weight")
    finally:
        torch.set_num_threads(threads)


def rewrite(model: Any) -> None:
    """Replace the convolutions of a model on a CPU, if their form is supported.

    Args:
        model: a transformers model, changed in place
    """
    front = model.feature_extractor
    if is_supported(front):
        model.feature_extractor = ConvolutionStack(front)
    embedding: Any = getattr(getattr(model, "encoder", None), "pos_conv_embed", None)
    conv = getattr(embedding, "conv", None)
    if isinstance(conv, nn.Conv1d) and suits(conv):
        embedding.conv = Spectral(conv)


def suits(conv: nn.Conv1d) -> bool:
    """Return True if `Spectral` supports a convolution: long, no stride, no dilation.

    SEW's convolution has a stride.
    """
    is_plain = (conv.stride, conv.dilation) == ((1,), (1,))
    return is_plain and conv.kernel_size[0] >= SHORTEST


def is_supported(front: Any) -> bool:
    """Return True if a front end only has unpadded convolutions, norms, activations."""
    layers = getattr(front, "conv_layers", ())
    return bool(layers) and all(
        {name for name, _ in layer.named_children()}
        <= {"conv", "layer_norm", "activation"}
        and isinstance(layer.conv, nn.Conv1d)
        and (layer.conv.padding, layer.conv.dilation, layer.conv.groups)
        == ((0,), (1,), 1)
        for layer in layers
    )


class Convolution(nn.Module):
    """Convolution, norm and activation on (n, steps, channels).

    A kernel of k steps with stride s is the sum of ceil(k / s) matrix products. Each
    has rows of s neighbouring steps, which are adjacent in memory.
    """

    def __init__(self, layer: Any):
        super().__init__()
        conv = layer.conv
        self.kernel, self.stride = conv.kernel_size[0], conv.stride[0]
        taps = conv.weight.detach().permute(2, 1, 0)  # (kernel, channels, out)
        # Rows of a single channel are so short that copying them is faster.
        has_one_channel = taps.shape[1] == 1
        self.extra = -self.kernel % EIGHT if has_one_channel and taps.is_cuda else 0
        taps = functional.pad(taps, (0, 0, 0, 0, 0, self.extra))
        step = len(taps) if has_one_channel else self.stride
        self.weights = [
            taps[i : i + step].flatten(0, 1).contiguous()
            for i in range(0, len(taps), step)
        ]
        self.bias = taps.new_zeros(taps.shape[2]) if conv.bias is None else conv.bias
        self.norm = getattr(layer, "layer_norm", None)
        self.activation = layer.activation
        self.finish: Callable[[Tensor], Tensor] = self._finish

    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's output for (n, steps, channels).

        Returns:
            (n, steps after the convolution, out)
        """
        n, steps, channels = x.shape
        count = (steps - self.kernel) // self.stride + 1
        if self.extra:
            x = functional.pad(x, (0, 0, 0, self.extra))
        sums = self.bias
        for i, weight in enumerate(self.weights):
            rows = x.as_strided(
                (n, count, len(weight)),
                (x.stride(0), self.stride * channels, 1),
                x.storage_offset() + i * self.stride * channels,
            )
            sums = torch.addmm(sums, rows.reshape(n * count, -1), weight)
        return self.finish(sums.view(n, count, -1))

    def _finish(self, x: Tensor) -> Tensor:
        result: Tensor = self.activation(self._normal(x))
        return result

    def _normal(self, x: Tensor) -> Tensor:
        if self.norm is None:
            return x
        if isinstance(self.norm, nn.GroupNorm):  # a group per channel, over time
            variance, mean = torch.var_mean(x, dim=1, correction=0, keepdim=True)
            scale = self.norm.weight * torch.rsqrt(variance + self.norm.eps)
            return (x - mean) * scale + self.norm.bias
        result: Tensor = self.norm(x)
        return result


class ConvolutionStack(nn.Module):
    """Replacement for the convolution stack of a Wav2Vec2 model.

    If no norm runs over time, the stack computes tiles of frames, which limits its
    memory. Results are the same, because a frame depends only on its window of samples.

    Args:
        front: the stack of transformers
        tile: bytes of the first, widest layer at a time
    """

    def __init__(self, front: Any, *, tile: float = TILE):
        super().__init__()
        layers = [Convolution(layer) for layer in front.conv_layers]
        self.layers = nn.Sequential(*layers)
        self.hop = math.prod(layer.stride for layer in layers)
        self.window = 1
        for layer in reversed(layers):
            self.window = (self.window - 1) * layer.stride + layer.kernel
        widest = layers[0].bias.nbytes * self.hop // layers[0].stride  # bytes a frame
        self.tile = max(1, round(tile / widest))
        norms = [layer.norm for layer in layers]
        self.tiled = not any(isinstance(norm, nn.GroupNorm) for norm in norms)

    def join(self) -> None:
        """Let `torch.compile` fuse each norm with its activation."""
        for layer in self.layers:
            assert isinstance(layer, Convolution)
            layer.finish = torch.compile(layer.finish, dynamic=True)

    def forward(self, waves: Tensor) -> Tensor:
        """Return the features of waveforms, (n, samples).

        Returns:
            (n, channels, frames)
        """
        waves = waves.contiguous()
        frames = (waves.shape[1] - self.window) // self.hop + 1
        tile = self.tile if self.tiled else frames
        blocks = []
        for first in range(0, frames, tile):
            count = min(tile, frames - first)
            begin = first * self.hop
            end = begin + (count - 1) * self.hop + self.window
            # Samples after the last frame matter only to a norm over time.
            window = waves[:, begin:end] if self.tiled else waves
            blocks.append(self.layers(window.unsqueeze(-1)))
        return torch.cat(blocks, dim=1).transpose(1, 2)


class Spectral(nn.Module):
    """Grouped convolution with a long kernel, by overlapping Fourier transforms.

    Overlap-save (Stockham, 1966, "High-speed convolution and correlation"): segments of
    twice the kernel's length overlap by the kernel's length. In each segment the
    convolution is a product for every frequency.
    """

    def __init__(self, conv: nn.Conv1d):
        super().__init__()
        self.kernel, self.groups = conv.kernel_size[0], conv.groups
        self.padding = int(conv.padding[0])
        self.size = 2 * self.kernel
        weight = conv.weight.detach().unflatten(0, (self.groups, -1))
        # (groups, out, in, kernel), flipped since torch computes a correlation.
        spectrum = torch.fft.rfft(weight.flip(-1), n=self.size)
        self.spectrum = spectrum.permute(3, 0, 2, 1).contiguous()
        self.bias = conv.bias

    def forward(self, x: Tensor) -> Tensor:
        """Return the convolution of (n, channels, steps).

        Returns:
            (n, channels, steps + 2 padding - kernel + 1)
        """
        n, channels, steps = x.shape
        count = steps + 2 * self.padding - self.kernel + 1
        hop = self.size - self.kernel + 1
        pieces = math.ceil(count / hop)
        after = pieces * hop + self.kernel - 1 - self.padding - steps
        padded = functional.pad(x, (self.padding, after))
        spectra = torch.fft.rfft(padded.unfold(2, self.size, hop))
        rows = spectra.unflatten(1, (self.groups, -1)).permute(4, 1, 0, 3, 2)
        product = torch.matmul(rows.flatten(2, 3), self.spectrum)
        back = product.unflatten(2, (n, pieces)).permute(2, 1, 4, 3, 0)
        filtered = torch.fft.irfft(back, n=self.size)[..., self.kernel - 1 :]
        result: Tensor = filtered.reshape(n, channels, pieces * hop)[..., :count]
        if self.bias is not None:
            result = result + self.bias[:, None]
        return result
