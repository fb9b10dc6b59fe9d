"""Rows of every table that need no network of ours, to be beaten by those that do.

Those in files of their own are fitted on all embeddings that are given, side by side;
a file offers ``fit(train, validation, *, mapped)`` and ``blank(projections, state)``.
``zeroshot`` is what the audio checkpoint's own head says, and nothing is fitted.
Everything is fitted on the training rows. The validation rows choose penalties and
sizes, and where ``mapped``, the line that each rating's predictions go through. None
has anything random left to a seed, so there is one.
"""

from collections.abc import Mapping

from torch import Tensor, nn

from affuse.data.plugin_kinds import BASELINE_KIND
from affuse.data.plugins import load, names
from affuse.fuse.inputs.rating_variation import demand_defined
from affuse.fuse.inputs.tensors import Rows
from affuse.fuse.models.baselines._linear import PENALTIES, Ridge
from affuse.fuse.models.baselines._zeroshot import Zeroshot, apply_zeroshot
from affuse.fuse.models.baselines.ridge import fit as fit_ridge
from affuse.fuse.models.fitted import Fitted
from affuse.fuse.models.projection import Projection

FITTED = tuple(names(BASELINE_KIND))
SEED = 0  # the one that their rows carry

__all__ = [
    "FITTED",
    "PENALTIES",
    "SEED",
    "Ridge",
    "Zeroshot",
    "apply_zeroshot",
    "blank",
    "fit",
    "fit_ridge",
]


def fit(name: str, train: Rows, validation: Rows, *, mapped: bool = True) -> Fitted:
    """Fit one of FITTED on one fold.

    Args:
        name: of the baseline
        train: rows that decide the weights and every statistic
        validation: rows that choose penalties and sizes
        mapped: give the predictions of each rating the mean and deviation that the
            ratings have in the validation rows, which is the affine map of highest CCC;
            it is part of the weights. A prediction may then leave [-1, 1]

    Raises:
        AffuseError: if a rating is constant in either part
    """
    for part, rows in (("training", train), ("validation", validation)):
        demand_defined(rows.truth.cpu().numpy(), rows.targets, part=part)
    fitted: Fitted = load(BASELINE_KIND, name).fit(train, validation, mapped=mapped)
    return fitted


def blank(
    name: str, projections: Mapping[str, Projection], state: Mapping[str, Tensor]
) -> nn.Module:
    """A module of the right sizes for the saved state of one of FITTED."""
    module: nn.Module = load(BASELINE_KIND, name).blank(projections, state)
    return module
