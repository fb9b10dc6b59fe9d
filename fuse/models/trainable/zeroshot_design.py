"""Implementation of `TrainableDesign` for the zero-shot baseline."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NoReturn

from torch import nn

from affuse.data.errors import AffuseError, OptionError
from affuse.fuse.inputs.tensors import HEAD
from affuse.fuse.models import code_revisions, weight_files
from affuse.fuse.models.baselines import SEED, Zeroshot, apply_zeroshot
from affuse.fuse.models.projection import Projection
from affuse.fuse.models.trainable.fit_task import Loop, Result, Task
from affuse.fuse.models.trainable.saved_model import SavedModel
from affuse.fuse.settings import Settings

NAME = "zeroshot"


class ZeroshotDesign:
    """Design of a checkpoint head's predictions; see `TrainableDesign`.

    Args:
        name: of the design
    """

    is_baseline = True
    is_trained = False
    is_seeded = False
    has_settings = False
    fits_map = False
    row_place = 1
    single_modality = ""
    bases = ()
    extra_settings = ()

    def __init__(self, name: str = NAME):
        self.name = name

    @classmethod
    def names(cls) -> Sequence[str]:
        """Return the only name."""
        return (NAME,)

    def uses(self, setting: str) -> bool:
        """Return False, because nothing is trained."""
        return False

    def modalities(self, cached: Collection[str]) -> tuple[str, ...]:
        """Return the modality whose cache holds the predictions of the head."""
        return ("audio",)

    def features(self, modalities: Sequence[str]) -> tuple[str, ...]:
        """Return the names of its inputs, which are the predictions of the head."""
        return (HEAD,)

    def is_fed(self, cached: Collection[str], *, head: bool) -> bool:
        """Return True if predictions of a head are cached."""
        return head

    def demand_head(self, head: Sequence[str], targets: Sequence[str]) -> None:
        """Raise an error if the head does not predict all targets."""
        Zeroshot(head, targets=targets)

    def seeds(self, asked: Sequence[int]) -> tuple[int, ...]:
        """Return the single seed of baselines, which use no random numbers."""
        return (SEED,)

    def build(
        self,
        projections: Mapping[str, Projection],
        *,
        targets: int,
        settings: Settings,
        layers: Mapping[str, int],
    ) -> NoReturn:
        """Raise an error, because the ratings of the head decide its sizes."""
        raise OptionError(f"no setting decides the size of {self.name}; name a design")

    @classmethod
    def fit(cls, tasks: Sequence[Task], loop: Loop[Task]) -> Iterator[Result]:
        """Select the columns of the head for each task; nothing is trained."""
        for number, task in enumerate(tasks):
            parts = task.parts([HEAD])
            targets = task.rows.targets
            try:
                yield number, apply_zeroshot(*parts, head=task.head, targets=targets)
            except AffuseError as error:
                yield number, AffuseError(f"{task.where}: {error}")

    def restore(self, saved: SavedModel) -> nn.Module:
        """Return the selection of columns, checked against the names of the head."""

        def build() -> Zeroshot:
            """Return the selection of columns for the saved names."""
            return Zeroshot(saved.head, targets=saved.targets)

        module = weight_files.restored(build, saved.state)
        build().demand_same(module)
        return module

    def code_revision(self) -> str:
        """Return the identity of the code of the baseline's module."""
        return code_revisions.of(self.name)
