"""Ridge regression (Hoerl and Kennard, 1970): linear in all embeddings, closed form."""

from fuse.fit import Fitted
from fuse.references import _linear
from fuse.references._linear import blank
from fuse.tensors import Rows

__all__ = ["blank", "fit"]


def fit(train: Rows, validation: Rows, *, mapped: bool = True) -> Fitted:
    """Fit; the penalty of each rating has the best validation CCC.

    Args: as of `fuse.references.fit`
    """
    return _linear.fit(train, validation, lambda rank: (rank,), mapped=mapped)
