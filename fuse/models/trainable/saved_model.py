"""Content of a model's files, from which a design restores the model."""

from collections.abc import Mapping
from dataclasses import dataclass

from affuse.data.cache.recipe import LayerStructure
from affuse.fuse.models import weight_files
from affuse.fuse.models.projection import Projection
from affuse.fuse.models.weight_files import State
from affuse.fuse.settings import Settings


@dataclass(frozen=True)
class SavedModel:
    """Weights of a model, and the facts that decide the sizes of its module."""

    state: State  # all tensors of the module, by name
    targets: tuple[str, ...]  # names of the predicted ratings, in order of columns
    head: tuple[str, ...]  # ratings of the audio checkpoint's head, if cached
    layers: Mapping[str, LayerStructure]  # {modality: layers in its embedding}
    settings: Settings

    def projections(self, *, prefix: str = "") -> dict[str, Projection]:
        """Return a projection of each modality, with the sizes of the saved weights.

        Args:
            prefix: of the tensors' names; ``{modality}`` in it is replaced

        Raises:
            DamagedFileError: if a tensor is missing or has another shape
        """
        return {m: self._projection(m, prefix.format(modality=m)) for m in self.layers}

    def _projection(self, modality: str, prefix: str) -> Projection:
        """Return the projection of one modality."""
        name = f"{prefix}projections.{modality}"
        rotation = f"{name}.rotation"
        has_rotation = rotation in self.state
        components = (
            weight_files.size(self.state, rotation, 1) if has_rotation else None
        )
        return Projection(weight_files.size(self.state, f"{name}.mean"), components)
