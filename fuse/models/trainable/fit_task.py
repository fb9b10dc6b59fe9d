"""Task to fit one model, and its result; the fitting itself is in other modules."""

import hashlib
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from torch import Tensor

from affuse.data.errors import AffuseError
from affuse.fuse.inputs.row_copies import copy_part
from affuse.fuse.inputs.tensors import Rows
from affuse.fuse.models.design import Design
from affuse.fuse.models.fitted import Fitted
from affuse.fuse.settings import Settings


@dataclass(frozen=True)
class FitTask:
    """Task to fit one design on one fold with one seed."""

    rows: Rows  # of all utterances, shared by tasks
    train: Tensor  # (n,) indices of the only rows that change weights or statistics
    validation: Tensor  # (n,) indices of the rows that choose the best checkpoint
    fusion: str | Design  # name of a design, or the design itself
    settings: Settings
    seed: int  # of all random numbers
    where: str = ""  # description of fold and seed, for errors
    head: tuple[str, ...] = ()  # ratings of the columns of HEAD; () without a head

    @cached_property
    def fold(self) -> Hashable:
        """Key that is equal for tasks with the same training and validation rows."""
        digest = hashlib.sha256(self.train.numpy().tobytes())
        digest.update(b"validation")
        digest.update(self.validation.numpy().tobytes())
        return id(self.rows), digest.digest()

    def parts(self, features: Iterable[str]) -> tuple[Rows, Rows]:
        """Return copies of the training rows and of the validation rows.

        Args:
            features: names of modalities, or HEAD; the copies hold only these
        """
        names = tuple(features)
        train, validation = (
            copy_part(self.rows, places, names)
            for places in (self.train, self.validation)
        )
        return train, validation


Task = TypeVar("Task", bound=FitTask)
Result = tuple[int, Fitted | AffuseError]  # index of a task, its model or error
# A loop trains many networks at once, like `affuse.fuse.training.fitting.fit_all`.
Loop = Callable[[Sequence[Task]], Iterator[Result]]
