"""Inputs of any lengths in one batch, end to end, with nothing padded.

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
from transformers import AttentionInterface, HubertModel, Wav2Vec2Model

from extract.encoders._convolutions import Stack, is_known

MODELS = (Wav2Vec2Model, HubertModel)  # others have attention of their own
HALVES = (torch.bfloat16, torch.float16)  # of which the attention kernel is made
NAME = "packed"  # of the attention, among those of transformers
TILE = 2.5e8  # bytes of the first, widest convolution at a time
BLOCK = 16  # frames that one row of the position product makes


@dataclass(frozen=True)
class Pack:
    """Where everything is on a line of waveforms; indices are on the device."""

    counts: tuple[int, ...]  # frames of each input
    kept: Tensor  # (frames,) places of their frames among those of the line
    borders: Tensor  # (inputs + 1,) int32, first frame of each input, and the end
    windows: Tensor  # (rows, BLOCK + kernel - 1) frames, or their number for silence
    made: Tensor  # (frames,) places of their frames among those of all rows


class _Now(local):
    """The pack that this thread encodes."""

    pack: Pack


_now = _Now()


def packs(model: Any) -> bool:
    """Whether inputs of this model may share a line.

    Not where a norm runs over time, for it would run over all of them; nor in float32,
    of which there is no attention kernel for several lengths.
    """
    return (
        isinstance(model, MODELS)
        and model.device.type == "cuda"
        and model.dtype in HALVES
        and is_known(model.feature_extractor)
        and getattr(model.config, "feat_extract_norm", "") == "layer"
    )


class Line:
    """Lays waveforms on a line for a model that is changed to take it.

    Args:
        model: of `MODELS`, whose first convolution is not normalised over time
        hop: samples between frames
        window: samples that a frame sees
    """

    def __init__(self, model: Any, *, hop: int, window: int):
        self._device, self._hop = model.device, hop
        self._between = math.ceil((window - hop) / hop)  # frames that would see both
        stack = Stack(model.feature_extractor, tile=TILE)
        model.feature_extractor = _Front(stack)
        place = model.encoder.pos_conv_embed
        place.conv = _Positions(place.conv)
        place.padding = nn.Identity()
        self._kernel = place.conv.kernel
        AttentionInterface.register(NAME, _attend)
        model.set_attn_implementation(NAME)

    @contextmanager
    def laid(
        self, waves: Sequence[np.ndarray], counts: Sequence[int]
    ) -> Iterator[Tensor]:
        """(1, samples) of all waveforms, for the model to be called on meanwhile."""
        slots = [count + self._between for count in counts]
        first = np.cumsum([0, *slots])
        line = torch.zeros(
            1, int(first[-1]) * self._hop, pin_memory=self._device.type == "cuda"
        )
        into = line.numpy()[0]
        for wave, start in zip(waves, first * self._hop, strict=False):
            into[start : start + len(wave)] = wave
        _now.pack = self._pack(counts, first)
        try:
            yield line.to(self._device, non_blocking=True)
        finally:
            del _now.pack

    def _pack(self, counts: Sequence[int], first: np.ndarray) -> Pack:
        borders = np.cumsum([0, *counts])
        total = int(borders[-1])
        within = np.arange(total) - np.repeat(borders[:-1], counts)
        # rows of BLOCK frames: which input each is of, and the frame it begins with
        rows = [-(-count // BLOCK) for count in counts]
        before = np.cumsum([0, *rows])
        of = np.repeat(np.arange(len(counts)), rows)
        begin = BLOCK * (np.arange(before[-1]) - before[of])
        seen = begin[:, None] + np.arange(BLOCK + self._kernel - 1) - self._kernel // 2
        inside = (seen >= 0) & (seen < np.asarray(counts)[of, None])
        windows = np.where(inside, seen + borders[of, None], total)
        return Pack(
            counts=tuple(counts),
            kept=self._send(within + np.repeat(first[:-1], counts)),
            borders=self._send(borders.astype(np.int32)),
            windows=self._send(windows),
            made=self._send(within + BLOCK * np.repeat(before[:-1], counts)),
        )

    def _send(self, values: np.ndarray) -> Tensor:
        found = torch.from_numpy(values)
        if self._device.type == "cuda":
            found = found.pin_memory()
        return found.to(self._device, non_blocking=True)


class _Front(nn.Module):
    """The convolution stack on a line, less the frames between two inputs."""

    def __init__(self, stack: Stack):
        super().__init__()
        self.stack = stack

    def forward(self, line: Tensor) -> Tensor:
        """(1, samples) -> (1, channels, frames)"""
        found: Tensor = self.stack(line).index_select(2, _now.pack.kept)
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
        pack = _now.pack
        frames = functional.pad(x[0].T, (0, 0, 0, 1))  # silence at the end
        seen = frames[pack.windows].unflatten(2, (self.groups, -1))
        rows = seen.permute(2, 0, 1, 3).flatten(2, 3)
        product = torch.bmm(rows, self.matrix).unflatten(2, (BLOCK, -1))
        made = product.permute(1, 2, 0, 3).flatten(2, 3).flatten(0, 1)
        found: Tensor = made.index_select(0, pack.made)
        if self.bias is not None:
            found = found + self.bias
        return found.T.unsqueeze(0)


def _attend(
    _: nn.Module, query: Tensor, key: Tensor, value: Tensor, *__: Any, **___: Any
) -> tuple[Tensor, None]:
    """(1, heads, frames, dim) each -> (1, frames, heads, dim); within each input."""
    pack, longest = _now.pack, max(_now.pack.counts)
    if query.device.type == "cuda" and query.dtype in HALVES:
        from torch.nn.attention.varlen import varlen_attn

        q, k, v = (x[0].transpose(0, 1) for x in (query, key, value))
        found = varlen_attn(q, k, v, pack.borders, pack.borders, longest, longest)
        return found.unsqueeze(0), None
    pieces = zip(
        *(x.split(pack.counts, dim=2) for x in (query, key, value)), strict=True
    )
    each = [functional.scaled_dot_product_attention(q, k, v) for q, k, v in pieces]
    return torch.cat(each, dim=2).transpose(1, 2), None
