"""Layers of a model group whose random numbers are drawn outside, for each model.

`RandomFeed` hands the numbers of a pass to the layers in the order of their calls.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from affuse.fuse.training.grouped.dropout_streams import (
    STEPS,
    DropoutMasks,
    kept_of_256,
)
from affuse.fuse.training.grouped.noise_streams import NoiseStreams


@dataclass(frozen=True)
class RandomCall:
    """Call of a random layer in the forward pass."""

    shape: Sequence[int]  # of one model's values
    keep: int  # of 256 values, for dropout; 0 for Gaussian noise
    differentiable: bool  # True if a gradient flows through the values


class RandomFeed:
    """Random numbers for the layers of a template, in the order of their calls."""

    def __init__(self) -> None:
        self.calls: list[RandomCall] = []
        self.is_recorded = False  # True once a first pass has recorded the calls
        self.numbers: Iterator[tuple[RandomCall, Tensor]] = iter(())

    def draw(self, masks: DropoutMasks, noise: NoiseStreams | None) -> list[Tensor]:
        """Return the random numbers of a pass, in the order of the calls.

        Dropout and noise have separate streams, so neither changes the other.

        Args:
            masks: source of dropout masks
            noise: source of Gaussian numbers; None if no layer adds noise
        """
        dropped = [(call.shape, call.keep) for call in self.calls if call.keep]
        noised = [call.shape for call in self.calls if not call.keep]
        drawn = noise.draw(noised) if noise else []
        sources = iter(masks.draw(dropped)), iter(drawn)
        return [next(sources[0 if call.keep else 1]) for call in self.calls]

    def serve(self, numbers: Sequence[Tensor]) -> None:
        """Set the numbers of the next pass, none if the pass records the calls."""
        self.numbers = zip(self.calls, numbers, strict=False)

    def record(self, values: Tensor, keep: int) -> Tensor:
        """Add the call of a layer to the record, and return its input unchanged.

        Args:
            values: input of the layer for one model
            keep: see `RandomCall`
        """
        call = RandomCall(tuple(values.shape), keep, values.requires_grad)
        self.calls.append(call)
        return values


class StreamDropout(nn.Module):
    """Replacement of `nn.Dropout` in a model group, with masks from the feed."""

    def __init__(self, feed: RandomFeed, dropout: float):
        super().__init__()
        self.feed, self.kept = feed, kept_of_256(dropout)

    def forward(self, values: Tensor) -> Tensor:
        """Return values, of which training sets some to 0 and scales the others."""
        if not self.training or self.kept == STEPS:
            return values
        if not self.feed.is_recorded:
            return self.feed.record(values, self.kept)
        call, mask = next(self.feed.numbers)
        # The mask's memory is reused if no gradient needs the mask.
        return values * mask if call.differentiable else mask.mul_(values)


class StreamNoise(nn.Module):
    """Replacement of `FeatureNoise` in a model group, with noise from the feed."""

    def __init__(self, feed: RandomFeed, deviation: float):
        super().__init__()
        self.feed, self.deviation = feed, deviation

    def forward(self, values: Tensor) -> Tensor:
        """Return values, with noise in training."""
        if not (self.training and self.deviation):
            return values
        if not self.feed.is_recorded:
            return self.feed.record(values, keep=0)
        _, noise = next(self.feed.numbers)
        return noise.mul_(self.deviation).add_(values)
