"""Ridge regression on the first principal components of all embeddings.

Linear in the embeddings as well, so it is kept as the weights of `ridge` are: those of
the components, turned back.
"""

from fuse.fit import Fitted
from fuse.references import _linear
from fuse.references._linear import blank
from fuse.tensors import Rows

COMPONENTS = (8, 16, 32, 64, 128, 256, 512)  # sizes to try, of the concatenation

__all__ = ["COMPONENTS", "blank", "fit"]


def fit(train: Rows, validation: Rows) -> Fitted:
    """Number of components and penalty of each rating: best validation CCC."""
    return _linear.fit(train, validation, _sizes)


def _sizes(rank: int) -> tuple[int, ...]:
    """Those that leave something out; all, where that is less than the smallest."""
    return tuple(k for k in COMPONENTS if k < rank) or (rank,)
