"""Weights of a trained model: reading, and loading into a module of the same shapes.

The description of a model in a file may ask for any size. So the module is first built
without memory, and its shapes are compared with those of the weights.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from affuse.data.errors import DamagedFileError
from affuse.data.system import digests
from affuse.data.system.regular_files import WEIGHTS

State = Mapping[str, Tensor]


def read(path: Path) -> State:
    """Return the tensors of a file of weights by name, on the CPU.

    Args:
        path: of a safetensors file, checked against its manifest

    Raises:
        FileNotFoundError: if there is no such file
        DamagedFileError: if it is damaged, or a value in it is not finite
    """
    try:
        state = safetensors.torch.load(digests.content(path, limit=WEIGHTS))
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        if isinstance(error, DamagedFileError):
            raise
        raise DamagedFileError(f"{path} holds no weights ({error})") from error
    for name, values in state.items():
        if values.is_floating_point() and not bool(values.isfinite().all()):
            raise DamagedFileError(f"{path} holds {name[:80]!r}, which is not finite")
    return state


def size(state: State, name: str, axis: int = 0) -> int:
    """Return the length of one axis of a tensor.

    Args:
        state: {name: tensor}
        name: of the tensor
        axis: of the tensor

    Raises:
        DamagedFileError: if the tensor or the axis does not exist
    """
    if name not in state or state[name].dim() <= axis:
        raise DamagedFileError(
            f"its weights lack {name!r}, or have it in another shape"
        )
    return state[name].shape[axis]


def restore_module(build: Callable[[], nn.Module], state: State) -> nn.Module:
    """Return a module with these weights.

    Args:
        build: returns the module; called twice, first on the meta device
        state: {name: tensor} of all tensors of the module, and no others

    Raises:
        DamagedFileError: naming a tensor that is missing, unexpected, or of another
            shape
    """
    with torch.device("meta"):
        expected = {n: tuple(x.shape) for n, x in build().state_dict().items()}
    actual = {name: tuple(values.shape) for name, values in state.items()}
    for name in sorted(expected.keys() | actual.keys()):
        if expected.get(name) != actual.get(name):
            raise DamagedFileError(
                f"its description asks for {name!r} of shape {expected.get(name)}, and "
                f"its weights have {actual.get(name)}"
            )
    module = build()
    module.load_state_dict(dict(state))
    return module
