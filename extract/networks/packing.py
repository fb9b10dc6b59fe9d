"""Recordings of any lengths in one batch, end to end, with nothing padded.

A GPU is busy only with thousands of frames at once, and few utterances are equally
long. So waveforms stand on one line, each in a slot of whole hops; the frames between
two of them, which would see both, are left out; and attention and the convolution of
positions stop at the borders. Every other step of the encoder works on single frames.
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
from affuse.extract.networks.convolutions import ConvolutionStack, is_known
from affuse.extract.networks.hidden_layers import send

MODELS = (Wav2Vec2Model, HubertModel)  # others have attention of their own
TILE = 2.5e8  # bytes of the first, widest convolution at a time
BLOCK = 16  # frames that one row of the position product makes


@dataclass(frozen=True)
class Places:
    """Where frames are, as indices on the device."""

    kept: Tensor  # (frames,) among those of the line
    windows: Tensor  # (rows, BLOCK + kernel - 1) frames, or their number for silence
    made: Tensor  # (frames,) among those of all rows


class _PackingState(local):
    """The line that this thread encodes."""

    places: Places


_now = _PackingState()


def packs(model: Any) -> bool:
    """Whether recordings may share a line.

    Not where a norm runs over time, for it would run over all of them.
    """
    return (
        isinstance(model, MODELS)
        and packed_attention.suits(model)
        and is_known(model.feature_extractor)
        and getattr(model.config, "feat_extract_norm", "") == "layer"
    )


class PackedLine:
    """Lays waveforms on a line for a model, which it changes to take that.

    Args:
        model: for which `packs` holds
        hop: samples between frames
        window: samples that a frame sees
    """

    def __init__(self, model: Any, *, hop: int, window: int):
        self._device, self._hop = model.device, hop
        self._between = math.ceil((window - hop) / hop)  # frames that would see both
        self._stack = ConvolutionStack(model.feature_extractor, tile=TILE)
        model.feature_extractor = _Front(self._stack)
        place = model.encoder.pos_conv_embed
        place.conv = _Positions(place.conv)
        place.padding = nn.Identity()
        self._kernel = place.conv.kernel
        packed_attention.confine(model)

    def compile(self) -> None:
        """Let `torch.compile` join norm and activation of the convolutions.

        They are a third of the memory traffic there. Of the blocks it makes nothing
        faster: their products take a bias along, which it takes apart.
        """
        self._stack.join()

    @contextmanager
    def laid(
        self, waves: Sequence[np.ndarray], counts: Sequence[int]
    ) -> Iterator[Tensor]:
        """(1, samples) of all waveforms, for the model to be called on meanwhile.

        Args:
            waves: (samples,) float32 each
            counts: their frames
        """
        slots = [count + self._between for count in counts]
        first = np.cumsum([0, *slots])
        length = int(first[-1]) * self._hop
        line = torch.zeros(1, length, pin_memory=self._device.type == "cuda")
        into = line.numpy()[0]
        for wave, start in zip(waves, first * self._hop, strict=False):
            into[start : start + len(wave)] = wave
        _now.places = self._places(np.asarray(counts), first[:-1])
        try:
            with packed_attention.inputs(counts, self._device):
                yield line.to(self._device, non_blocking=True)
        finally:
            del _now.places

    def _places(self, counts: np.ndarray, first: np.ndarray) -> Places:
        """Args: frames of each input, and its first place among those of the line."""
        borders = np.cumsum(counts) - counts
        total = int(counts.sum())
        within = np.arange(total) - np.repeat(borders, counts)
        # rows of BLOCK frames: which input each is of, and the frame it begins with
        rows = -(-counts // BLOCK)
        before = np.cumsum(rows) - rows
        of = np.repeat(np.arange(len(counts)), rows)
        begin = BLOCK * (np.arange(len(of)) - before[of])
        seen = begin[:, None] + np.arange(BLOCK + self._kernel - 1) - self._kernel // 2
        inside = (seen >= 0) & (seen < counts[of, None])
        windows = np.where(inside, seen + borders[of, None], total)
        return Places(
            kept=send(within + np.repeat(first, counts), self._device),
            windows=send(windows, self._device),
            made=send(within + BLOCK * np.repeat(before, counts), self._device),
        )


class _Front(nn.Module):
    """The convolution stack on a line, less the frames between two inputs."""

    def __init__(self, stack: ConvolutionStack):
        super().__init__()
        self.stack = stack

    def forward(self, line: Tensor) -> Tensor:
        """(1, samples) -> (1, channels, frames)"""
        found: Tensor = self.stack(line).index_select(2, _now.places.kept)
        return found


class _Positions(nn.Module):
    """The grouped convolution of positions, as one matrix product a group.

    Rows of `BLOCK` neighbouring frames are made from the frames that they see, by a
    matrix that holds the kernel once for each of them (block Toeplitz). It is a tenth
    more arithmetic than needed, at the speed of matrix products.
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
        """(1, channels, frames) -> the same shape"""
        places = _now.places
        frames = functional.pad(x[0].T, (0, 0, 0, 1))  # silence at the end
        seen = frames[places.windows].unflatten(2, (self.groups, -1))
        rows = seen.permute(2, 0, 1, 3).flatten(2, 3)
        product = torch.bmm(rows, self.matrix).unflatten(2, (BLOCK, -1))
        made = product.permute(1, 2, 0, 3).flatten(2, 3).flatten(0, 1)
        found: Tensor = made.index_select(0, places.made)
        if self.bias is not None:
            found = found + self.bias
        return found.T.unsqueeze(0)
