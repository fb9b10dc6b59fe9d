"""Implementation of `TrainableDesign` for decision-level (late) fusion."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from torch import nn

from affuse.data.cache.recipe import LayerStructure
from affuse.fuse.models import code_revisions, weight_files
from affuse.fuse.models.decisions import DECISIONS, MODALITIES, DecisionFusion
from affuse.fuse.models.projection import Projection
from affuse.fuse.models.system import System
from affuse.fuse.models.trainable import decision_fitting
from affuse.fuse.models.trainable.fit_task import Loop, Result, Task
from affuse.fuse.models.trainable.saved_model import SavedModel
from affuse.fuse.settings import Settings

REVISION = 1  # of models/decisions.py and models/trainable/decision_fitting.py


class DecisionDesign:
    """Design of DECISIONS in `affuse.fuse.models.decisions`; see `TrainableDesign`.

    Args:
        name: of the design
    """

    is_baseline = False
    is_trained = True
    is_seeded = True
    has_settings = True
    fits_map = False
    row_position = 3
    single_modality = ""
    bases = MODALITIES  # each modality is also the name of its unimodal design
    extra_settings = ()

    def __init__(self, name: str):
        self.name = name

    @classmethod
    def names(cls) -> Sequence[str]:
        """Return the names of the decision-level designs."""
        return DECISIONS

    def uses(self, setting: str) -> bool:
        """Return True for settings that a network of one modality depends on.

        Args:
            setting: its dotted name
        """
        return setting not in ("map", "late_activation", "modality_dropout")

    def modalities(self, cached: Collection[str]) -> tuple[str, ...]:
        """Return the modalities of the unimodal models."""
        return MODALITIES

    def features(self, modalities: Sequence[str]) -> tuple[str, ...]:
        """Return the names of its inputs, which are the modalities."""
        return tuple(modalities)

    def has_inputs(self, cached: Collection[str], *, head: bool) -> bool:
        """Return True if embeddings of all its modalities are cached."""
        return set(MODALITIES) <= set(cached)

    def demand_head(self, head: Sequence[str], targets: Sequence[str]) -> None:
        """Accept any cache, because no model uses predictions of a head."""

    def seeds(self, requested: Sequence[int]) -> tuple[int, ...]:
        """Return the requested seeds without repetitions."""
        return tuple(dict.fromkeys(requested))

    def build(
        self,
        projections: Mapping[str, Projection],
        *,
        targets: int,
        settings: Settings,
        layers: Mapping[str, LayerStructure],
    ) -> nn.Module:
        """Return the mean of untrained systems, one for each modality."""
        bases = {
            name: System(
                name, projections, targets=targets, settings=settings, layers=layers
            )
            for name in self.bases
        }
        return DecisionFusion(bases, targets=targets)

    @classmethod
    def fit(cls, tasks: Sequence[Task], loop: Loop[Task]) -> Iterator[Result]:
        """Train the models of all tasks in one call of the loop; fit their weights."""
        yield from decision_fitting.fit_decision_fusion(tasks, loop)

    def restore(self, saved: SavedModel) -> nn.Module:
        """Return the unimodal systems, with the saved weights of their predictions."""
        return weight_files.restore_module(
            lambda: self.build(
                saved.projections(prefix="bases.{modality}."),
                targets=len(saved.targets),
                settings=saved.settings,
                layers=saved.layers,
            ),
            saved.state,
        )

    def code_revision(self) -> str:
        """Return the revision of the fusion and the code identities of its bases."""
        bases = [f"{name} {code_revisions.code_identity(name)}" for name in self.bases]
        return f"revision {REVISION} of {', '.join(bases)}"
