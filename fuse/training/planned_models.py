"""Models of a run, one for each fold and seed, and their heads from a fine-tuning."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from affuse.data.errors import AffuseError
from affuse.data.splits.protocols import Fold
from affuse.fuse.inputs.tensors import Rows
from affuse.fuse.models.fitted import Fitted
from affuse.fuse.trained import model_files
from affuse.fuse.training.finetuned_heads import Heads
from affuse.fuse.training.run_plan import RunPlan


@dataclass(frozen=True)
class PlannedModel:
    """Model of one fold and seed of a run, before it is trained."""

    plan: RunPlan
    fold: Fold
    seed: int

    @property
    def folder(self) -> Path:
        """Folder of the model's files."""
        return model_files.place(self.plan.folder, fold=self.fold.name, seed=self.seed)

    @property
    def where(self) -> str:
        """Design, fold and seed in words, for messages."""
        return f"{self.plan.info.design}, fold {self.fold.name}, seed {self.seed}"


def headed(
    missing: Sequence[PlannedModel], heads: Heads
) -> Iterator[tuple[PlannedModel, Fitted | AffuseError]]:
    """Yield each missing model with its jointly trained head, or an error.

    Args:
        missing: models that the run lacks
        heads: of the fine-tuning
    """
    for unit in missing:
        try:
            recipes = unit.plan.recipes[unit.fold.name]
            yield unit, heads.fitted(unit.fold.name, recipes, *_parts(unit))
        except AffuseError as error:
            yield unit, AffuseError(f"{unit.where}: {error}")


def _parts(unit: PlannedModel) -> tuple[Rows, Rows]:
    """Return training and validation rows of a planned model."""
    train, validation = (
        unit.plan.rows(unit.fold.name, ids)
        for ids in (unit.fold.train, unit.fold.validation)
    )
    return train, validation
