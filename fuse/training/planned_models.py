"""Planned models of a run, one for each fold and seed, before they are trained."""

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
        return model_files.model_folder(
            self.plan.folder, fold=self.fold.name, seed=self.seed
        )

    @property
    def where(self) -> str:
        """Design, fold and seed in words, for messages."""
        return f"{self.plan.info.design}, fold {self.fold.name}, seed {self.seed}"


def models_with_heads(
    missing: Sequence[PlannedModel], heads: Heads
) -> Iterator[tuple[PlannedModel, Fitted | AffuseError]]:
    """Yield each missing model with its jointly trained head, or an error.

    Args:
        missing: models that the run lacks
        heads: of the fine-tuning
    """
    for model in missing:
        try:
            recipes = model.plan.recipes[model.fold.name]
            yield model, heads.restore(model.fold.name, recipes, *_parts(model))
        except AffuseError as error:
            yield model, AffuseError(f"{model.where}: {error}")


def _parts(model: PlannedModel) -> tuple[Rows, Rows]:
    """Return training and validation rows of a planned model."""
    train, validation = (
        model.plan.rows(model.fold.name, ids)
        for ids in (model.fold.train, model.fold.validation)
    )
    return train, validation
