"""One forward pass of a checkpoint when it is loaded.

A configuration may be accepted when a model is made, and fail when it computes: with
too few positions, or outputs of another form. That is said before a corpus is read.
"""

import math
from typing import Any

import torch
from torch import Tensor

from affuse.data.errors import AffuseError
from affuse.extract.audio.decoding import SAMPLE_RATE
from affuse.extract.checkpoints.checkpoint_files import Checkpoint
from affuse.extract.checkpoints.library_failures import told

SQUEEZED = 64  # frames that a model may join


def demand_states(checkpoint: Checkpoint, **inputs: Tensor) -> None:
    """Refuse a model that gives no hidden state for each step of one input.

    Args:
        checkpoint: with the model as transformers made it, on the CPU
        inputs: a batch of one input, by the name of the model's argument

    Raises:
        AffuseError: if it fails, or its output has another form
    """
    model: Any = checkpoint.model
    length = next(iter(inputs.values())).shape[1]
    failed = f"the checkpoint {checkpoint.name!r} fails on an input of length {length}"
    with torch.inference_mode(), told(failed):
        output = model(**inputs)
    states = getattr(output, "last_hidden_state", None)
    if not isinstance(states, Tensor) or states.ndim != 3 or not states.numel():
        raise AffuseError(
            f"the checkpoint {checkpoint.name!r} gives no hidden states; its "
            f"config.json is not that of an encoder, or changes what it returns"
        )


def joined(config: Any) -> int:
    """Return how many frames a model joins in front of its blocks: two in SEW, else one

    Raises:
        AffuseError: if it is no number of frames
    """
    found = getattr(config, "squeeze_factor", 1)
    if not isinstance(found, int) or not 1 <= found <= SQUEEZED:
        raise AffuseError(
            f"squeeze_factor {found!r} is no number of frames from 1 to {SQUEEZED}; "
            f"correct config.json"
        )
    return found


def receptive_field(config: Any) -> int:
    """Return the samples that one frame sees."""
    window: int = 1
    hop: int = 1
    for kernel, stride in zip(config.conv_kernel, config.conv_stride, strict=True):
        window += (kernel - 1) * hop
        hop *= stride
    return window


def frame(checkpoint: Checkpoint) -> Tensor:
    """Return silence that is just long enough for one step of the blocks: (1, samples).

    Raises:
        AffuseError: if the convolutions are no front end for speech
    """
    config = checkpoint.model.config
    fault = f"checkpoint {checkpoint.name!r}: its conv_kernel and conv_stride"
    if len(config.conv_kernel) != len(config.conv_stride):
        raise AffuseError(f"{fault} differ in length; correct config.json")
    if (window := receptive_field(config)) > SAMPLE_RATE:
        raise AffuseError(f"{fault} make frames of {window} samples; at most a second")
    hop = math.prod(config.conv_stride)
    return torch.zeros(1, window + (joined(config) - 1) * hop)
