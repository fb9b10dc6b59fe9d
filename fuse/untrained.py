"""Units of a run that no loop trains: references, and heads of a fine-tuning."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from data.errors import AffuseError
from data.splits import Fold
from fuse import units
from fuse.fit import Fitted
from fuse.heads import Heads
from fuse.plan import Plan
from fuse.references import FITTED, apply_zeroshot
from fuse.references import fit as fit_reference
from fuse.resolution import AFFINE
from fuse.tensors import Rows


@dataclass(frozen=True)
class Unit:
    """One fold with one seed of one design."""

    plan: Plan
    fold: Fold
    seed: int

    @property
    def folder(self) -> Path:
        """Of its files."""
        return units.place(self.plan.folder, fold=self.fold.name, seed=self.seed)

    @property
    def where(self) -> str:
        """What it is, in words."""
        return f"{self.plan.info.design}, fold {self.fold.name}, seed {self.seed}"


def headed(
    missing: Sequence[Unit], heads: Heads
) -> Iterator[tuple[Unit, Fitted | AffuseError]]:
    """Each unit with the head that was trained with its encoders."""
    for unit in missing:
        try:
            recipes = unit.plan.recipes[unit.fold.name]
            yield unit, heads.fitted(unit.fold.name, recipes, *_parts(unit))
        except AffuseError as error:
            yield unit, AffuseError(f"{unit.where}: {error}")


def _parts(unit: Unit) -> tuple[Rows, Rows]:
    """Training and validation rows."""
    train, validation = (
        unit.plan.rows(unit.fold.name, ids)
        for ids in (unit.fold.train, unit.fold.validation)
    )
    return train, validation


def reference(unit: Unit) -> Fitted | AffuseError:
    """What has no training loop, or why it is none."""
    plan, targets = unit.plan, unit.plan.info.targets
    train, validation = _parts(unit)
    try:
        if plan.info.design in FITTED:
            mapped = plan.settings.map == AFFINE
            return fit_reference(plan.info.design, train, validation, mapped=mapped)
        head = plan.common.head
        return apply_zeroshot(train, validation, head=head, targets=targets)
    except AffuseError as error:
        return AffuseError(f"{unit.where}: {error}")
