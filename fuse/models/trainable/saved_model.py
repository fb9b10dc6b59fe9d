"""What a model's files say about it, from which a design restores the model."""

from collections.abc import Mapping
from dataclasses import dataclass

from affuse.fuse.models import weight_files
from affuse.fuse.models.projection import Projection
from affuse.fuse.models.weight_files import State
from affuse.fuse.settings import Settings


@dataclass(frozen=True)
class SavedModel:
    """The weights of a model, and the facts that decide the sizes of its module."""

    state: State  # all tensors of the module, by name
    targets: tuple[str, ...]  # names of the columns that come out
    head: tuple[str, ...]  # ratings of the audio checkpoint's own head, if kept
    layers: Mapping[str, int]  # cached layers of each modality that the model takes
    settings: Settings

    def projections(self, *, prefix: str = "") -> dict[str, Projection]:
        """Return a projection of each modality, of the sizes that the weights have.

        Args:
            prefix: of the tensors' names; ``{modality}`` in it stands for the modality

        Raises:
            DamagedFileError: if a tensor is missing or has another shape
        """
        return {m: self._projection(m, prefix.format(modality=m)) for m in self.layers}

    def _projection(self, modality: str, prefix: str) -> Projection:
        """Return the projection of one modality."""
        place = f"{prefix}projections.{modality}"
        turned = f"{place}.rotation"
        rotates = turned in self.state
        components = weight_files.size(self.state, turned, 1) if rotates else None
        return Projection(weight_files.size(self.state, f"{place}.mean"), components)
