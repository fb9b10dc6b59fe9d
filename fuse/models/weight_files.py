"""Reads weights of a trained model, and gives them to a module of the same shapes.

A description of a model may ask for any size. So the module is first built without
memory, and its shapes are compared with those that the file of weights has.
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
    """Read tensors by name, on the CPU.

    Args:
        path: of a file in the format of safetensors, checked against its manifest

    Raises:
        FileNotFoundError: if there is none
        DamagedFileError: if it is damaged, or a number in it is not finite
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

    Raises:
        DamagedFileError: if there is no such tensor, or it has no such axis
    """
    if name not in state or state[name].dim() <= axis:
        raise DamagedFileError(
            f"its weights lack {name!r}, or have it in another shape"
        )
    return state[name].shape[axis]


def restored(build: Callable[[], nn.Module], state: State) -> nn.Module:
    """Build a module and give it these weights.

    Args:
        build: called twice, at first where tensors take no memory
        state: all that the module has, and nothing else

    Raises:
        DamagedFileError: naming a tensor that is missing, too many, or of another shape
    """
    with torch.device("meta"):
        wanted = {n: tuple(x.shape) for n, x in build().state_dict().items()}
    found = {name: tuple(values.shape) for name, values in state.items()}
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            raise DamagedFileError(
                f"its description asks for {name!r} of shape {wanted.get(name)}, and "
                f"its weights have {found.get(name)}"
            )
    module = build()
    module.load_state_dict(dict(state))
    return module
