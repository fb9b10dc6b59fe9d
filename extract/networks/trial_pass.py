"""Trial forward pass of a checkpoint when it is loaded.

With some configurations, a model is constructed without an error but fails when it
computes: it has too few positions, or outputs of another form. The trial pass reports
this before a corpus is read.
"""

import math
from typing import Any

import torch
from torch import Tensor

from affuse.data.errors import AffuseError
from affuse.extract.audio.decoding import SAMPLE_RATE
from affuse.extract.checkpoints.checkpoint_files import Checkpoint
from affuse.extract.checkpoints.library_failures import told

SQUEEZED = 64  # largest number of frames that a model may join into one


def demand_states(checkpoint: Checkpoint, **inputs: Tensor) -> None:
    """Raise an error if a model does not return hidden states for an input.

    Args:
        checkpoint: with the model as transformers loaded it, on the CPU
        inputs: a batch of one input, by the name of the model's argument

    Raises:
        AffuseError: if the model fails, or its output has another form
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
    """Return the number of frames that a model joins into one: two in SEW, else one.

    Args:
        config: of the model

    Raises:
        AffuseError: if the configuration has no valid number
    """
    factor = getattr(config, "squeeze_factor", 1)
    if not isinstance(factor, int) or not 1 <= factor <= SQUEEZED:
        raise AffuseError(
            f"squeeze_factor {factor!r} is no number of frames from 1 to {SQUEEZED}; "
            f"correct config.json"
        )
    return factor


def receptive_field(config: Any) -> int:
    """Return the number of samples in the receptive field of one frame."""
    window: int = 1
    hop: int = 1
    for kernel, stride in zip(config.conv_kernel, config.conv_stride, strict=True):
        window += (kernel - 1) * hop
        hop *= stride
    return window


def frame(checkpoint: Checkpoint) -> Tensor:
    """Return the shortest silence from which a speech encoder makes a hidden state.

    Args:
        checkpoint: of a speech encoder

    Returns:
        (1, samples) float32

    Raises:
        AffuseError: if the convolutions cannot be a front end for speech
    """
    config = checkpoint.model.config
    fault = f"checkpoint {checkpoint.name!r}: its conv_kernel and conv_stride"
    if len(config.conv_kernel) != len(config.conv_stride):
        raise AffuseError(f"{fault} differ in length; correct config.json")
    if (window := receptive_field(config)) > SAMPLE_RATE:
        raise AffuseError(f"{fault} make frames of {window} samples; at most a second")
    hop = math.prod(config.conv_stride)
    return torch.zeros(1, window + (joined(config) - 1) * hop)
