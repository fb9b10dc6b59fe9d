"""Packing of recordings of any lengths into one sequence, without padding.

A GPU needs thousands of frames at once, and few utterances are equally long. So
waveforms are concatenated, each in a slot of whole hops. The frames whose window would
cover two waveforms are left out. Attention and the positional convolution stop at the
borders. All other operations of the encoder work on single frames.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import local
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import HubertModel, Wav2Vec2Model

from affuse.extract.networks import packed_attention
from affuse.extract.networks.convolutions import ConvolutionStack, is_supported
from affuse.extract.networks.hidden_layers import send

MODELS = (Wav2Vec2Model, HubertModel)  # other models have different attention
TILE = 2.5e8  # bytes of the first, widest convolution at a time
BLOCK = 16  # frames that one row of the positional product computes


@dataclass(frozen=True)
class FrameIndices:
    """Indices of frames, on the device."""

    sequence: Tensor  # (frames,) indices in the packed sequence
    # (rows, BLOCK + kernel - 1) indices of frames; the number of frames means silence
    windows: Tensor
    product: Tensor  # (frames,) indices in the rows of the positional product


class _PackingState(local):
    """Indices of the packed sequence that this thread encodes."""

    places: FrameIndices


_now = _PackingState()


def packs(model: Any) -> bool:
    """Return True if a model supports packing.

    A model with a norm over time does not, since the norm would run over all inputs.
    """
    return (
        isinstance(model, MODELS)
        and packed_attention.suits(model)
        and is_supported(model.feature_extractor)
        and getattr(model.config, "feat_extract_norm", "") == "layer"
    )


class PackedLine:
    """Packer of waveforms into one sequence, for a model that it changes in place.

    Args:
        model: for which `packs` returns True
        hop: samples between frames
        window: samples of a frame's receptive field
    """

    def __init__(self, model: Any, *, hop: int, window: int):
        self._device, self._hop = model.device, hop
        self._between = math.ceil((window - hop) / hop)  # frames across a border
        self._stack = ConvolutionStack(model.feature_extractor, tile=TILE)
        model.feature_extractor = _Front(self._stack)
        embedding = model.encoder.pos_conv_embed
        embedding.conv = _Positions(embedding.conv)
        embedding.padding = nn.Identity()
        self._kernel = embedding.conv.kernel
        packed_attention.confine(model)

    def compile(self) -> None:
        """Let `torch.compile` fuse norm and activation of the convolutions.

        They cause a third of the memory traffic there. Compiling the blocks does not
        make them faster, because it separates the bias from the matrix product.
        """
        self._stack.join()

    @contextmanager
    def laid(
        self, waves: Sequence[np.ndarray], counts: Sequence[int]
    ) -> Iterator[Tensor]:
        """Pack waveforms, and yield the sequence to call the model on in this context.

        Args:
            waves: (samples,) float32 each
            counts: number of frames of each waveform

        Yields:
            (1, samples) on the device
        """
        slots = [count + self._between for count in counts]
        first = np.cumsum([0, *slots])
        length = int(first[-1]) * self._hop
        line = torch.zeros(1, length, pin_memory=self._device.type == "cuda")
        buffer = line.numpy()[0]
        for wave, start in zip(waves, first * self._hop, strict=False):
            buffer[start : start + len(wave)] = wave
        _now.places = self._places(np.asarray(counts), first[:-1])
        try:
            with packed_attention.inputs(counts, self._device):
                yield line.to(self._device, non_blocking=True)
        finally:
            del _now.places

    def _places(self, counts: np.ndarray, first: np.ndarray) -> FrameIndices:
        """Return the indices of frames for inputs in a packed sequence.

        Args:
            counts: (inputs,) frames of each input
            first: (inputs,) index of its first frame in the packed sequence
        """
        borders = np.cumsum(counts) - counts
        total = int(counts.sum())
        offsets = np.arange(total) - np.repeat(borders, counts)
        # Rows of BLOCK frames: the input of each row, and the row's first frame.
        rows = -(-counts // BLOCK)
        rows_before = np.cumsum(rows) - rows
        row_inputs = np.repeat(np.arange(len(counts)), rows)
        first_frames = BLOCK * (np.arange(len(row_inputs)) - rows_before[row_inputs])
        window_frames = (
            first_frames[:, None]
            + np.arange(BLOCK + self._kernel - 1)
            - self._kernel // 2
        )
        inside = (window_frames >= 0) & (window_frames < counts[row_inputs, None])
        windows = np.where(inside, window_frames + borders[row_inputs, None], total)
        return FrameIndices(
            sequence=send(offsets + np.repeat(first, counts), self._device),
            windows=send(windows, self._device),
            product=send(
                offsets + BLOCK * np.repeat(rows_before, counts), self._device
            ),
        )


class _Front(nn.Module):
    """Convolution stack on a packed sequence, without the frames across borders."""

    def __init__(self, stack: ConvolutionStack):
        super().__init__()
        self.stack = stack

    def forward(self, line: Tensor) -> Tensor:
        """Return the features, (1, channels, frames), of a packed sequence."""
        features: Tensor = self.stack(line).index_select(2, _now.places.sequence)
        return features


class _Positions(nn.Module):
    """Grouped positional convolution, as one matrix product for each group.

    Rows of `BLOCK` neighbouring frames are computed from their receptive field, by a
    block Toeplitz matrix that holds the kernel once for each frame. This takes 10 %
    more arithmetic than necessary, but runs at the speed of matrix products.
    """

    def __init__(self, conv: nn.Conv1d):
        super().__init__()
        self.kernel, self.groups = conv.kernel_size[0], conv.groups
        taps = conv.weight.detach().unflatten(0, (self.groups, -1))
        groups, out, channels, kernel = taps.shape
        matrix = taps.new_zeros(groups, BLOCK + kernel - 1, channels, BLOCK, out)
        for frame in range(BLOCK):
            matrix[:, frame : frame + kernel, :, frame] = taps.permute(0, 3, 2, 1)
        self.matrix = matrix.flatten(3, 4).flatten(1, 2)
        self.bias = conv.bias

    def forward(self, x: Tensor) -> Tensor:
        """Return the positional embedding of frames, (1, channels, frames)."""
        places = _now.places
        frames = functional.pad(x[0].T, (0, 0, 0, 1))  # silence at the end
        windows = frames[places.windows].unflatten(2, (self.groups, -1))
        rows = windows.permute(2, 0, 1, 3).flatten(2, 3)
        product = torch.bmm(rows, self.matrix).unflatten(2, (BLOCK, -1))
        frames_computed = product.permute(1, 2, 0, 3).flatten(2, 3).flatten(0, 1)
        result: Tensor = frames_computed.index_select(0, places.product)
        if self.bias is not None:
            result = result + self.bias
        return result.T.unsqueeze(0)
