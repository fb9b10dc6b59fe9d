"""The protocol of everything that stage two trains: what each kind of design must say.

There is an implementation for each kind: networks, decision-level fusion, fitted
baselines, and the zero-shot baseline. `design_registry.trainable` returns that of a
design by the design's name. Training, model files and reports ask it, so none of them
tells kinds apart by lists of names.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol

from torch import nn

from affuse.fuse.models.projection import Projection
from affuse.fuse.models.trainable.fit_task import Loop, Result, Task
from affuse.fuse.models.trainable.saved_model import SavedModel
from affuse.fuse.settings import Settings

OF_SOME_DESIGNS = ("late_activation",)  # settings that designs state if they take them


class TrainableDesign(Protocol):
    """A design that can be trained, of whatever kind.

    Nothing is imported to create one: a report may show runs of a design whose code is
    not at hand. Only members that say so need the code.

    Args:
        name: of the design
    """

    is_baseline: bool  # networks and decisions are compared with it
    is_trained: bool  # False: no utterance of a corpus changes the model
    is_seeded: bool  # False: models of all seeds would be the same
    has_settings: bool  # `Settings` change it, so they can be searched
    fits_map: bool  # weights include an affine map, unless the setting `map` is none

    def __init__(self, name: str) -> None: ...

    @classmethod
    def names(cls) -> Sequence[str]:
        """Return the names of all designs of this kind, in the order of tables."""

    @property
    def name(self) -> str:
        """Name of the design."""

    @property
    def row_place(self) -> int:
        """Where its rows stand among the rows of a table; lower numbers come first."""

    @property
    def single_modality(self) -> str:
        """The modality that the design stands for in reports; "" if there is none."""

    @property
    def bases(self) -> tuple[str, ...]:
        """Names of the designs that its models are built from; () if it is no such."""

    @property
    def extra_settings(self) -> tuple[str, ...]:
        """Those of `OF_SOME_DESIGNS` that it takes; needs the design's code."""

    def uses(self, setting: str) -> bool:
        """Return True if its training may depend on a setting.

        Args:
            setting: its dotted name; one that is not known here counts as used by
                whatever has settings
        """

    def modalities(self, cached: Collection[str]) -> tuple[str, ...]:
        """Return the modalities whose caches it reads; needs the design's code.

        Args:
            cached: modalities that there are embeddings of; a design that takes what
                there is takes them all, any other one names what it needs

        Raises:
            AffuseError: if there is no such design, or nothing that it could take
        """

    def features(self, modalities: Sequence[str]) -> tuple[str, ...]:
        """Return the names of what its models take.

        Args:
            modalities: as `modalities` returns them

        Returns:
            names of modalities, or `affuse.fuse.inputs.tensors.HEAD`
        """

    def is_fed(self, cached: Collection[str], *, head: bool) -> bool:
        """Return True if a cache holds all that it needs; needs the design's code.

        Args:
            cached: modalities that there are embeddings of
            head: whether the predictions of a checkpoint's own head are cached
        """

    def demand_head(self, head: Sequence[str], targets: Sequence[str]) -> None:
        """Raise an error if it needs a checkpoint's own predictions that are missing.

        Args:
            head: names of the ratings that the head predicts; () where none was kept
            targets: names of the ratings to predict

        Raises:
            AffuseError: naming the ratings that the head does not predict
        """

    def seeds(self, asked: Sequence[int]) -> tuple[int, ...]:
        """Return the seeds that it is trained with, where these were asked for."""

    def build(
        self,
        projections: Mapping[str, Projection],
        *,
        targets: int,
        settings: Settings,
        layers: Mapping[str, int],
    ) -> nn.Module:
        """Return the module before anything is trained; needs the design's code.

        Args: as of `affuse.fuse.models.system.System`

        Raises:
            OptionError: if it has no settings, so that they decide no sizes
        """

    @classmethod
    def fit(cls, tasks: Sequence[Task], loop: Loop[Task]) -> Iterator[Result]:
        """Fit models of designs of this kind, together if that is faster.

        Args:
            tasks: of any designs of this kind
            loop: trains many networks at once

        Yields:
            number of a task, and its model or the error that made it none, as they come

        Raises:
            AffuseError: before anything is fitted, if a modality is missing
        """

    def restore(self, saved: SavedModel) -> nn.Module:
        """Return the module of a model file; needs the design's code.

        Raises:
            DamagedFileError: if the weights are not those of such a model
        """

    def code_revision(self) -> str:
        """Return the identity of its code, as runs record it.

        Raises:
            AffuseError: if there is no such design
        """
