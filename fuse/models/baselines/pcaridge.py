"""Ridge regression on the first principal components of all embeddings.

The model is linear in the embeddings too. So it is saved like `ridge`, with the weights
of the components transformed to weights of the features.
"""

from affuse.fuse.inputs.tensors import Rows
from affuse.fuse.models.baselines import _linear
from affuse.fuse.models.baselines._linear import blank
from affuse.fuse.models.fitted import Fitted

COMPONENTS = (8, 16, 32, 64, 128, 256, 512)  # numbers of components to try

__all__ = ["COMPONENTS", "blank", "fit"]


def fit(train: Rows, validation: Rows, *, mapped: bool = True) -> Fitted:
    """Fit one model on one fold, and return it.

    Number of components and penalty of each rating have the best validation CCC. The
    arguments are those of `affuse.fuse.models.baselines.fit`.
    """
    return _linear.fit(train, validation, _sizes, mapped=mapped)


def _sizes(rank: int) -> tuple[int, ...]:
    """Return the numbers of components below the rank, or the rank if none is."""
    return tuple(k for k in COMPONENTS if k < rank) or (rank,)
