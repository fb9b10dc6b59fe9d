"""Baselines that are fitted at once, in files of fuse/models/baselines."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NoReturn

from torch import nn

from affuse.data import plugins
from affuse.data.errors import AffuseError, OptionError
from affuse.data.plugin_kinds import BASELINE_KIND
from affuse.fuse.inputs.tensors import HEAD
from affuse.fuse.models import baselines, code_revisions, weight_files
from affuse.fuse.models.projection import Projection
from affuse.fuse.models.trainable.fit_task import FitTask, Loop, Result, Task
from affuse.fuse.models.trainable.saved_model import SavedModel
from affuse.fuse.settings import Settings

AFFINE = "affine"  # value of the setting `map`
USED = ("map", "out_of_range")  # settings that decide what baselines are fitted to


class BaselineDesign:
    """One of FITTED in `affuse.fuse.models.baselines`; see `TrainableDesign`.

    Args:
        name: of the baseline
    """

    is_baseline = True
    is_trained = True
    is_seeded = False
    has_settings = False
    fits_map = True
    row_place = 0
    single_modality = ""
    bases = ()
    extra_settings = ()

    def __init__(self, name: str):
        self.name = name

    @classmethod
    def names(cls) -> Sequence[str]:
        """Return the names of files and packages in fuse/models/baselines."""
        return baselines.FITTED

    def uses(self, setting: str) -> bool:
        """Return True for the few settings that decide what it is fitted to."""
        return setting in USED

    def modalities(self, cached: Collection[str]) -> tuple[str, ...]:
        """Return all modalities that there are embeddings of."""
        if not cached:
            raise AffuseError(
                f"{self.name} needs embeddings, and there are none; extract first"
            )
        return tuple(sorted(cached))

    def features(self, modalities: Sequence[str]) -> tuple[str, ...]:
        """Return the embeddings of these modalities."""
        return tuple(modalities)

    def is_fed(self, cached: Collection[str], *, head: bool) -> bool:
        """Return True: whatever embeddings there are will do.

        Raises:
            PluginError: if it is of another package and cannot be used
        """
        plugins.load(BASELINE_KIND, self.name)
        return True

    def demand_head(self, head: Sequence[str], targets: Sequence[str]) -> None:
        """Accept any cache: no baseline that is fitted takes predictions of a head."""

    def seeds(self, asked: Sequence[int]) -> tuple[int, ...]:
        """Return the one seed that its rows carry: nothing in it is random."""
        return (baselines.SEED,)

    def build(
        self,
        projections: Mapping[str, Projection],
        *,
        targets: int,
        settings: Settings,
        layers: Mapping[str, int],
    ) -> NoReturn:
        """Raise an error: the rows that it is fitted to decide its sizes."""
        raise OptionError(f"no setting decides the size of {self.name}; name a design")

    @classmethod
    def fit(cls, tasks: Sequence[Task], loop: Loop[Task]) -> Iterator[Result]:
        """Fit one baseline after another, in closed form or to the end."""
        for number, task in enumerate(tasks):
            parts = task.parts(m for m in task.rows.features if m != HEAD)
            mapped = task.settings.map == AFFINE
            try:
                yield number, baselines.fit(_name(task), *parts, mapped=mapped)
            except AffuseError as error:
                yield number, AffuseError(f"{task.where}: {error}")

    def restore(self, saved: SavedModel) -> nn.Module:
        """Return the baseline with its weights."""
        return weight_files.restored(
            lambda: baselines.blank(self.name, saved.projections(), saved.state),
            saved.state,
        )

    def code_revision(self) -> str:
        """Return the identity of the code of the baseline's module."""
        return code_revisions.of(self.name)


def _name(task: FitTask) -> str:
    """Return the name of the baseline of a task."""
    assert isinstance(task.fusion, str)  # the registry found it by its name
    return task.fusion
