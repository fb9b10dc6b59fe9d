"""One model that shall be fitted, and what came of it; not how it is fitted."""

import hashlib
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from torch import Tensor

from affuse.data.errors import AffuseError
from affuse.fuse.inputs.row_copies import copied
from affuse.fuse.inputs.tensors import Rows
from affuse.fuse.models.design import Design
from affuse.fuse.models.fitted import Fitted
from affuse.fuse.settings import Settings


@dataclass(frozen=True)
class FitTask:
    """One design that shall be fitted on one fold with one seed."""

    rows: Rows  # of all utterances; tasks that are given the same share it
    train: Tensor  # (n,) the only rows that change a parameter or a statistic
    validation: Tensor  # (n,) the only other rows that are seen; they end the training
    fusion: str | Design  # name of a design, or the design itself
    settings: Settings
    seed: int  # of all that is random
    where: str = ""  # fold and seed in words, for errors
    head: tuple[str, ...] = ()  # ratings of the columns of HEAD; () where there is none

    @cached_property
    def fold(self) -> Hashable:
        """Equal for tasks that see the same rows."""
        digest = hashlib.sha256(self.train.numpy().tobytes())
        digest.update(b"validation")
        digest.update(self.validation.numpy().tobytes())
        return id(self.rows), digest.digest()

    def parts(self, features: Iterable[str]) -> tuple[Rows, Rows]:
        """Return copies of the training rows and of the validation rows.

        Args:
            features: names of modalities, or HEAD; the copies have no others
        """
        names = tuple(features)
        train, validation = (
            copied(self.rows, places, names) for places in (self.train, self.validation)
        )
        return train, validation


Task = TypeVar("Task", bound=FitTask)
Result = tuple[int, Fitted | AffuseError]  # number of a task, what came of it
# trains many networks at once: `affuse.fuse.training.fitting.fit_all`
Loop = Callable[[Sequence[Task]], Iterator[Result]]
