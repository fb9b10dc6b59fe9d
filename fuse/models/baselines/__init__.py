"""Baselines without a network of this project, for comparison with fusion designs.

Each file here fits one baseline on all embeddings, concatenated. It defines
``fit(train, validation, *, mapped)`` and ``blank(projections, state)``. ``zeroshot``
returns the predictions of the audio checkpoint's head, and nothing is fitted.
All others are fitted on the training rows. The validation rows choose penalties and
sizes and, if ``mapped``, the affine map of each rating's predictions. No baseline
uses random numbers that depend on a seed, so each is fitted once.
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
SEED = 0  # the seed that is recorded for all baselines

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
    """Fit one of FITTED on one fold, and return the model.

    Args:
        name: of the baseline
        train: rows that determine the weights and every statistic
        validation: rows that choose penalties and sizes
        mapped: apply to the predictions of each rating the affine map of highest CCC,
            which gives them mean and standard deviation of the validation ratings.
            The map is part of the weights. A prediction may then leave [-1, 1]

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
    """Return an unfitted module of one of FITTED, with the sizes of a saved state.

    Args:
        name: of the baseline
        projections: {modality: projection} with the sizes of the saved ones
        state: {name: tensor} of the saved module
    """
    module: nn.Module = load(BASELINE_KIND, name).blank(projections, state)
    return module
