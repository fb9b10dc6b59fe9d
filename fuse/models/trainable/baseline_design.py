"""Implementation of `TrainableDesign` for the fitted baselines."""

from collections.abc import Collection, Iterator, Sequence

from torch import nn

from affuse.data import plugins
from affuse.data.errors import AffuseError
from affuse.data.plugin_kinds import BASELINE_KIND
from affuse.fuse.inputs.tensors import HEAD
from affuse.fuse.models import baselines, weight_files
from affuse.fuse.models.trainable.fit_task import FitTask, Loop, Result, Task
from affuse.fuse.models.trainable.saved_model import SavedModel
from affuse.fuse.models.trainable.unseeded_baseline import UnseededBaseline

AFFINE = "affine"  # value of the setting `map`
USED_SETTINGS = ("map", "out_of_range")  # settings that change how baselines are fitted


class BaselineDesign(UnseededBaseline):
    """Baseline of FITTED in `affuse.fuse.models.baselines`; see `TrainableDesign`.

    Args:
        name: of the baseline
    """

    is_trained = True
    fits_map = True
    row_position = 0

    @classmethod
    def names(cls) -> Sequence[str]:
        """Return the names of files and packages in fuse/models/baselines."""
        return baselines.FITTED

    def uses(self, setting: str) -> bool:
        """Return True for the settings that change how it is fitted.

        Args:
            setting: its dotted name
        """
        return setting in USED_SETTINGS

    def modalities(self, cached: Collection[str]) -> tuple[str, ...]:
        """Return all modalities with cached embeddings, sorted.

        Args:
            cached: modalities with embeddings

        Raises:
            AffuseError: if there are none
        """
        if not cached:
            raise AffuseError(
                f"{self.name} needs embeddings, and there are none; extract first"
            )
        return tuple(sorted(cached))

    def features(self, modalities: Sequence[str]) -> tuple[str, ...]:
        """Return the names of its inputs, which are the modalities."""
        return tuple(modalities)

    def has_inputs(self, cached: Collection[str], *, head: bool) -> bool:
        """Return True, because it is fitted on any embeddings.

        Args:
            cached: modalities with embeddings
            head: True if predictions of a checkpoint's head are cached

        Raises:
            PluginError: if it is in another package and cannot be used
        """
        plugins.load(BASELINE_KIND, self.name)
        return True

    def demand_head(self, head: Sequence[str], targets: Sequence[str]) -> None:
        """Accept any cache, because no fitted baseline uses predictions of a head."""

    @classmethod
    def fit(cls, tasks: Sequence[Task], loop: Loop[Task]) -> Iterator[Result]:
        """Fit one baseline after another, in closed form or to convergence."""
        for number, task in enumerate(tasks):
            parts = task.parts(m for m in task.rows.features if m != HEAD)
            mapped = task.settings.map == AFFINE
            try:
                yield number, baselines.fit(_name(task), *parts, mapped=mapped)
            except AffuseError as error:
                yield number, AffuseError(f"{task.where}: {error}")

    def restore(self, saved: SavedModel) -> nn.Module:
        """Return the baseline with its saved weights."""
        return weight_files.restore_module(
            lambda: baselines.blank(self.name, saved.projections(), saved.state),
            saved.state,
        )


def _name(task: FitTask) -> str:
    """Return the name of the baseline of a task."""
    assert isinstance(task.fusion, str)  # the registry looks baselines up by name
    return task.fusion
