"""Limits on a model while transformers constructs it from a configuration.

transformers first constructs a model without memory, on torch's meta device, and then
reads the weights. So modules, parameters and buffers are counted as they are
registered, and a model that is too large is refused before memory is allocated.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor
from torch.nn.modules import module as registration

from affuse.data.errors import AffuseError
from affuse.data.system.scratch_arrays import machine_memory

MODULES = 100_000  # of a model; a large one with 48 layers has under 2,000
SPARE = 2**26  # numbers in buffers that are in no file, such as positions
SINGLE = 4  # bytes of a float32


class _Count:
    """Counter of the modules, parameters and buffers that one thread registers.

    Args:
        stored: bytes of the files of the weights
    """

    def __init__(self, stored: int):
        self.stored, self.memory = stored, machine_memory()
        self.modules = self.parameters = self.buffers = 0
        self.thread = threading.get_ident()

    def module(self, *_: Any) -> None:
        if self.thread == threading.get_ident():
            self.modules += 1
            if self.modules > MODULES:
                raise AffuseError(
                    f"its configuration asks for more than {MODULES:,} modules; "
                    f"correct config.json"
                )

    def parameter(self, _: Any, __: str, added: Tensor | None) -> None:
        self.parameters += self._size(added)
        if self.parameters > self.stored:
            raise AffuseError(
                f"its configuration asks for {self.parameters:,} parameters or more, "
                f"but the files of its weights have {self.stored:,} bytes; they are "
                f"incomplete, or config.json belongs to another checkpoint"
            )
        self._demand_memory()

    def buffer(self, _: Any, __: str, added: Tensor | None) -> None:
        self.buffers += self._size(added)
        if self.buffers > self.stored + SPARE:
            raise AffuseError(
                f"its configuration asks for buffers of {self.buffers:,} numbers or "
                f"more, but the files of its weights have {self.stored:,} bytes; "
                f"correct config.json"
            )
        self._demand_memory()

    def _size(self, added: Tensor | None) -> int:
        """Return the number of elements of a new tensor; loaded weights count as 0."""
        is_counted = self.thread == threading.get_ident()
        return (
            added.numel() if is_counted and added is not None and added.is_meta else 0
        )

    def _demand_memory(self) -> None:
        needed = SINGLE * (self.parameters + self.buffers)
        if needed > self.memory:
            raise AffuseError(
                f"its configuration asks for {needed / 2**30:,.0f} GiB of memory or "
                f"more, and this machine has {self.memory / 2**30:,.0f}; take a "
                f"smaller checkpoint"
            )


@contextmanager
def bounded(stored: int) -> Iterator[None]:
    """Limit the size of models that are constructed in this context.

    Args:
        stored: bytes of the files of the weights

    Raises:
        AffuseError: from the constructor of a model that is too large, with its size
            and the limit
    """
    count = _Count(stored)
    handles = (
        registration.register_module_module_registration_hook(count.module),
        registration.register_module_parameter_registration_hook(count.parameter),
        registration.register_module_buffer_registration_hook(count.buffer),
    )
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
