"""Implementation of `TrainableDesign` for the zero-shot baseline."""

from collections.abc import Collection, Iterator, Sequence

from torch import nn

from affuse.data.errors import AffuseError
from affuse.fuse.inputs.tensors import HEAD
from affuse.fuse.models import weight_files
from affuse.fuse.models.baselines import Zeroshot, apply_zeroshot
from affuse.fuse.models.trainable.fit_task import Loop, Result, Task
from affuse.fuse.models.trainable.saved_model import SavedModel
from affuse.fuse.models.trainable.unseeded_baseline import UnseededBaseline

NAME = "zeroshot"


class ZeroshotDesign(UnseededBaseline):
    """Design of a checkpoint head's predictions; see `TrainableDesign`.

    Args:
        name: of the design
    """

    is_trained = False
    fits_map = False
    row_position = 1

    def __init__(self, name: str = NAME):
        super().__init__(name)

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

    def has_inputs(self, cached: Collection[str], *, head: bool) -> bool:
        """Return True if predictions of a head are cached."""
        return head

    def demand_head(self, head: Sequence[str], targets: Sequence[str]) -> None:
        """Raise an error if the head does not predict all targets."""
        Zeroshot(head, targets=targets)

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

        module = weight_files.restore_module(build, saved.state)
        build().demand_same(module)
        return module
