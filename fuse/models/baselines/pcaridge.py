"""Ridge regression on the first principal components of all embeddings.

Linear in the embeddings as well, so it is kept as the weights of `ridge` are: those of
the components, turned back.
"""

from affuse.fuse.inputs.tensors import Rows
from affuse.fuse.models.baselines import _linear
from affuse.fuse.models.baselines._linear import blank
from affuse.fuse.models.fitted import Fitted

COMPONENTS = (8, 16, 32, 64, 128, 256, 512)  # sizes to try, of the concatenation

__all__ = ["COMPONENTS", "blank", "fit"]


def fit(train: Rows, validation: Rows, *, mapped: bool = True) -> Fitted:
    """Fit; components and penalty of each rating have the best validation CCC.

    Args: as of `affuse.fuse.models.baselines.fit`
    """
    return _linear.fit(train, validation, _sizes, mapped=mapped)


def _sizes(rank: int) -> tuple[int, ...]:
    """Those that leave something out; all, where that is less than the smallest."""
    return tuple(k for k in COMPONENTS if k < rank) or (rank,)
