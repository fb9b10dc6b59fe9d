"""Common part of all baselines: no random numbers, no settings, sizes from the data."""

from collections.abc import Mapping, Sequence
from typing import NoReturn

from affuse.data.cache.recipe import LayerStructure
from affuse.data.errors import OptionError
from affuse.fuse.models import baselines, code_revisions
from affuse.fuse.models.projection import Projection
from affuse.fuse.settings import Settings


class UnseededBaseline:
    """Base of the implementations of `TrainableDesign` for baselines.

    Args:
        name: of the baseline
    """

    is_baseline = True
    is_seeded = False
    has_settings = False
    single_modality = ""
    bases = ()
    extra_settings = ()

    def __init__(self, name: str):
        self.name = name

    def seeds(self, requested: Sequence[int]) -> tuple[int, ...]:
        """Return the single seed of baselines, which use no random numbers."""
        return (baselines.SEED,)

    def build(
        self,
        projections: Mapping[str, Projection],
        *,
        targets: int,
        settings: Settings,
        layers: Mapping[str, LayerStructure],
    ) -> NoReturn:
        """Raise an error, because the data decide the sizes of a baseline."""
        raise OptionError(
            f"the data decide the size of {self.name}, not a setting; choose another "
            f"design"
        )

    def code_revision(self) -> str:
        """Return the identity of the code of the baseline's module."""
        return code_revisions.code_identity(self.name)
