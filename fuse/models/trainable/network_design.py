"""Implementation of `TrainableDesign` for networks: design files and users' classes."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from torch import nn

from affuse.data import plugins
from affuse.data.cache.recipe import LayerStructure
from affuse.data.modality import modality_names
from affuse.data.plugin_kinds import DESIGN_KIND
from affuse.fuse.models import code_revisions, weight_files
from affuse.fuse.models.design import Design, find
from affuse.fuse.models.projection import Projection
from affuse.fuse.models.system import System
from affuse.fuse.models.trainable.design_protocol import DESIGN_SPECIFIC_SETTINGS
from affuse.fuse.models.trainable.fit_task import Loop, Result, Task
from affuse.fuse.models.trainable.saved_model import SavedModel
from affuse.fuse.settings import Settings


class NetworkDesign:
    """Design that is one network, trained by the loop; see `TrainableDesign`.

    Args:
        fusion: name, record or class of the design
    """

    is_baseline = False
    is_trained = True
    is_seeded = True
    has_settings = True
    fits_map = False
    bases = ()

    def __init__(self, fusion: str | type[nn.Module] | Design):
        self.fusion = fusion

    @classmethod
    def names(cls) -> Sequence[str]:
        """Return the names of files and packages in fuse/models/designs."""
        return plugins.names(DESIGN_KIND)

    @property
    def name(self) -> str:
        """Name of the design, or of its class if `fusion` is not a name."""
        if isinstance(self.fusion, str):
            return self.fusion
        return find(self.fusion).Fusion.__name__

    @property
    def single_modality(self) -> str:
        """Modality that the design is named after; "" for any other name."""
        return self.name if self.name in modality_names() else ""

    @property
    def row_position(self) -> int:
        """Position in tables: unimodal designs come before fusion designs."""
        return 2 if self.single_modality else 3

    @property
    def extra_settings(self) -> tuple[str, ...]:
        """Settings that the design declares in addition to those of all networks."""
        return find(self.fusion).extra_settings

    def uses(self, setting: str) -> bool:
        """Return True if its training may depend on a setting.

        If the code of a design cannot be loaded, its design-specific settings count as
        unused, so that a report can show its runs.

        Args:
            setting: its dotted name
        """
        if setting in DESIGN_SPECIFIC_SETTINGS:
            try:
                return setting in self.extra_settings
            except Exception:  # the code of a user's design may raise any error
                return False
        has_no_effect = setting == "modality_dropout" and bool(self.single_modality)
        return setting != "map" and not has_no_effect

    def modalities(self, cached: Collection[str]) -> tuple[str, ...]:
        """Return the modalities that the design declares."""
        return find(self.fusion).modalities

    def features(self, modalities: Sequence[str]) -> tuple[str, ...]:
        """Return the names of its inputs, which are the modalities."""
        return tuple(modalities)

    def has_inputs(self, cached: Collection[str], *, head: bool) -> bool:
        """Return True if embeddings of all its modalities are cached."""
        return set(self.modalities(cached)) <= set(cached)

    def demand_head(self, head: Sequence[str], targets: Sequence[str]) -> None:
        """Accept any cache, because networks do not use predictions of a head."""

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
        """Return the untrained system of the design."""
        design = find(self.fusion)
        return System(
            design, projections, targets=targets, settings=settings, layers=layers
        )

    @classmethod
    def fit(cls, tasks: Sequence[Task], loop: Loop[Task]) -> Iterator[Result]:
        """Train all networks in one call of the loop, which vectorises over models."""
        yield from loop(tasks)

    def restore(self, saved: SavedModel) -> nn.Module:
        """Return the system with its saved weights."""
        return weight_files.restore_module(
            lambda: self.build(
                saved.projections(),
                targets=len(saved.targets),
                settings=saved.settings,
                layers=saved.layers,
            ),
            saved.state,
        )

    def code_revision(self) -> str:
        """Return the identity of the code of the design's module."""
        return code_revisions.code_identity(self.name)
