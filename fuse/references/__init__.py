"""Rows of every table that need no network of ours, to be beaten by those that do.

Those in files of their own are fitted on all embeddings that are given, side by side;
each file offers ``fit(train, validation)`` and ``blank(projections, state)``.
``zeroshot`` is what the audio checkpoint's own head says, and nothing is fitted.
Everything is fitted on the training rows, and the validation rows choose only
penalties and sizes. None has anything random left to a seed, so there is one.
"""

from collections.abc import Mapping

from torch import Tensor, nn

from data.plugins import load, names
from fuse.fit import Fitted
from fuse.reduce import Projection
from fuse.references._linear import PENALTIES, Ridge
from fuse.references._zeroshot import Zeroshot, apply_zeroshot
from fuse.references.ridge import fit as fit_ridge
from fuse.tensors import Rows

FITTED = tuple(names(__name__))
REFERENCES = (*FITTED, "zeroshot")
SEED = 0  # the one that their rows carry

__all__ = [
    "FITTED",
    "PENALTIES",
    "REFERENCES",
    "SEED",
    "Ridge",
    "Zeroshot",
    "apply_zeroshot",
    "blank",
    "fit",
    "fit_ridge",
]


def fit(name: str, train: Rows, validation: Rows) -> Fitted:
    """One of FITTED on one fold.

    Args:
        name: of the reference
        train: the only rows that change a weight or a statistic
        validation: the only other rows that are seen; they choose penalties and sizes

    Raises:
        AffuseError: if the CCC of a rating is not defined on the validation rows
    """
    fitted: Fitted = load(__name__, name).fit(train, validation)
    return fitted


def blank(
    name: str, projections: Mapping[str, Projection], state: Mapping[str, Tensor]
) -> nn.Module:
    """A module of the right sizes for the saved state of one of FITTED."""
    module: nn.Module = load(__name__, name).blank(projections, state)
    return module
