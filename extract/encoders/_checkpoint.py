"""Load a Hugging Face checkpoint whole, and say exactly which one it was."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModel
from transformers.utils import logging

TINY = "tiny"  # seeded random weights: for tests and for trying commands
UNUSED = ("masked_spec_embed", "pooler.")  # of training only, or never asked for


@dataclass(frozen=True)
class Checkpoint:
    """A model and where it came from."""

    model: Any  # a transformers model
    name: str  # on the hub, or the folder's own name
    revision: str  # commit that was loaded; "" for a folder
    weights: str  # digest of the tensors

    def of(self, part: nn.Module) -> "Checkpoint":
        """The same origin, for a part of the model."""
        return replace(self, model=part)


def load(checkpoint: str, revision: str, *, kind: Any = None) -> Checkpoint:
    """Load a model in float32, every tensor of it from the checkpoint.

    Args:
        checkpoint: name on the hub, or a local folder
        revision: commit, tag or branch on the hub; ``""`` for the newest
        kind: model class, where the checkpoint's own will not do

    Raises:
        ValueError: if it cannot be found or reached, or lacks tensors
    """
    folder = is_folder(checkpoint)
    if folder and revision:
        raise ValueError(
            f"--revision {revision} does not apply to the local folder {checkpoint}"
        )
    logging.set_verbosity_error()  # the report of unused heads would fill the screen
    logging.disable_progress_bar()
    try:
        model, report = (kind or AutoModel).from_pretrained(
            checkpoint,
            revision=revision or None,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except (OSError, ValueError) as error:
        raise ValueError(
            f"cannot load the checkpoint {checkpoint!r}: {_first_line(error)} "
            f"Give a folder that holds config.json and its weights, or '{TINY}' to try "
            f"the commands with random weights"
        ) from error
    missing = [k for k in report["missing_keys"] if not _unused(k)]
    if missing:
        raise ValueError(
            f"checkpoint {checkpoint!r} lacks {len(missing)} tensors that "
            f"{type(model).__name__} needs, first {sorted(missing)[0]!r}; it is made "
            f"for another architecture, or incomplete"
        )
    commit = getattr(model.config, "_commit_hash", None)
    return Checkpoint(
        model=model,
        name=Path(checkpoint).resolve().name if folder else checkpoint,
        revision="" if folder else str(commit or ""),
        weights=digest(model.state_dict()),
    )


def is_folder(checkpoint: str) -> bool:
    """Whether it is a local folder; a path that is not there is refused.

    Raises:
        ValueError: if it can only be meant as a path and nothing is there
    """
    if Path(checkpoint).is_dir():
        return True
    if checkpoint.startswith((".", "/", "~")) or checkpoint.count("/") > 1:
        raise ValueError(f"checkpoint folder {checkpoint} not found")
    return False


def digest(tensors: dict[str, Tensor]) -> str:
    """Sixteen hexadecimal digits of all tensors, whatever file they came in."""
    found = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        found.update(f"{name} {tuple(tensor.shape)}".encode())
        found.update(tensor.detach().float().contiguous().numpy().tobytes())
    return found.hexdigest()[:16]


def choose_layers(wanted: str, top: int) -> tuple[int, ...]:
    """Layer numbers from ``last``, ``all`` or a list such as ``0,6,12``.

    Args:
        wanted: as typed
        top: number of transformer blocks; the highest layer that can be asked for

    Raises:
        ValueError: if a number is none, or out of range

    Examples:
        >>> choose_layers("last", 6), choose_layers("all", 2), choose_layers("3,1", 6)
        ((6,), (0, 1, 2), (1, 3))
    """
    if wanted == "last":
        return (top,)
    if wanted == "all":
        return tuple(range(top + 1))
    try:
        layers = sorted({int(number) for number in wanted.split(",")})
    except ValueError:
        layers = [-1]
    if layers[0] < 0 or layers[-1] > top:
        raise ValueError(
            f"--layers {wanted!r}: say last, all, or numbers from 0 (what enters the "
            f"first block) to {top} (what leaves the last), as in 0,{top}"
        )
    return tuple(layers)


def choose_hidden(output: Any, layers: tuple[int, ...]) -> Tensor:
    """The wanted layers as (batch, layers, steps, dim), counted as in `data.recipe`.

    transformers 4 put the last hidden state at the end of `hidden_states`; 5 puts
    there what it was before the final layer norm. Here it is always after the norm.
    """
    hidden = [*output.hidden_states[:-1], output.last_hidden_state]
    return torch.stack([hidden[layer] for layer in layers], dim=1)


def _unused(key: str) -> bool:
    return any(key == name or key.startswith(name) for name in UNUSED)


def _first_line(error: Exception) -> str:
    """The first sentence of a library's error, which may run over many lines."""
    return str(error).strip().splitlines()[0].rstrip(".") + "."
