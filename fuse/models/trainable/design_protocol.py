"""Protocol that each kind of design implements, for training, storage and reports.

The kinds are networks, decision-level fusion, fitted baselines, and the zero-shot
baseline. `design_registry.find_trainable` returns the implementation for a name.
Training, model files and reports use the protocol, so none of them distinguishes kinds
by lists of names.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol

from torch import nn

from affuse.data.cache.recipe import LayerStructure
from affuse.fuse.models.projection import Projection
from affuse.fuse.models.trainable.fit_task import Loop, Result, Task
from affuse.fuse.models.trainable.saved_model import SavedModel
from affuse.fuse.settings import Settings

DESIGN_SPECIFIC_SETTINGS = ("late_activation",)  # designs must declare them


class TrainableDesign(Protocol):
    """Design of any kind that can be trained.

    Creating one imports nothing, because a report may show runs of a design whose code
    is not available. Only members whose docstring says so need the code.

    Args:
        name: of the design
    """

    is_baseline: bool  # networks and decision-level designs are compared with it
    is_trained: bool  # False: no utterance of a corpus changes the model
    is_seeded: bool  # False: all seeds would give the same model
    has_settings: bool  # `Settings` change its model, so they can be searched
    fits_map: (
        bool  # its weights include an affine map, unless the setting `map` is none
    )

    def __init__(self, name: str) -> None: ...

    @classmethod
    def names(cls) -> Sequence[str]:
        """Return the names of all designs of this kind, in the order of tables."""

    @property
    def name(self) -> str:
        """Name of the design."""

    @property
    def row_position(self) -> int:
        """Position of its rows in a table; lower numbers come first."""

    @property
    def single_modality(self) -> str:
        """Modality that the design represents in reports; "" if there is none."""

    @property
    def bases(self) -> tuple[str, ...]:
        """Names of the designs that its models consist of; () if there are none."""

    @property
    def extra_settings(self) -> tuple[str, ...]:
        """Design-specific settings that it takes; needs the design's code."""

    def uses(self, setting: str) -> bool:
        """Return True if its training may depend on a setting.

        Args:
            setting: its dotted name; an unknown one counts as used by all designs that
                have settings
        """

    def modalities(self, cached: Collection[str]) -> tuple[str, ...]:
        """Return the modalities whose caches it reads; needs the design's code.

        Args:
            cached: modalities with embeddings; some designs take all of them, others
                have fixed modalities

        Raises:
            AffuseError: if there is no such design, or no embedding for it
        """

    def features(self, modalities: Sequence[str]) -> tuple[str, ...]:
        """Return the names of its models' inputs.

        Args:
            modalities: as `modalities` returns them

        Returns:
            names of modalities, or `affuse.fuse.inputs.tensors.HEAD`
        """

    def has_inputs(self, cached: Collection[str], *, head: bool) -> bool:
        """Return True if a cache holds all its inputs; needs the design's code.

        Args:
            cached: modalities with embeddings
            head: True if predictions of a checkpoint's head are cached
        """

    def demand_head(self, head: Sequence[str], targets: Sequence[str]) -> None:
        """Raise an error if it needs predictions of a head that are not cached.

        Args:
            head: names of the ratings that the head predicts; () without a head
            targets: names of the ratings to predict

        Raises:
            AffuseError: naming the ratings that the head does not predict
        """

    def seeds(self, requested: Sequence[int]) -> tuple[int, ...]:
        """Return the seeds that it is trained with.

        Args:
            requested: the requested seeds
        """

    def build(
        self,
        projections: Mapping[str, Projection],
        *,
        targets: int,
        settings: Settings,
        layers: Mapping[str, LayerStructure],
    ) -> nn.Module:
        """Return the untrained module; needs the design's code.

        Args:
            projections: {modality: projection}
            targets: number of ratings to predict
            settings: sizes and dropout
            layers: {modality: number of cached layers}

        Raises:
            OptionError: if settings do not decide its sizes
        """

    @classmethod
    def fit(cls, tasks: Sequence[Task], loop: Loop[Task]) -> Iterator[Result]:
        """Fit models of designs of this kind, together if that is faster.

        Args:
            tasks: of any designs of this kind
            loop: trains many networks at once

        Yields:
            index of a task, and its model or the error of its training, when it ends

        Raises:
            AffuseError: before anything is fitted, if a modality is missing
        """

    def restore(self, saved: SavedModel) -> nn.Module:
        """Return the module of a saved model; needs the design's code.

        Args:
            saved: weights and description of the model

        Raises:
            DamagedFileError: if the weights do not fit the module
        """

    def code_revision(self) -> str:
        """Return the identity of its code, which runs record.

        Raises:
            AffuseError: if there is no such design
        """
