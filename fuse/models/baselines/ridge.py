"""Ridge regression (Hoerl and Kennard, 1970): linear in all embeddings, closed form."""

from affuse.fuse.inputs.tensors import Rows
from affuse.fuse.models.baselines import _linear
from affuse.fuse.models.baselines._linear import blank
from affuse.fuse.models.fitted import Fitted

__all__ = ["blank", "fit"]


def fit(train: Rows, validation: Rows, *, mapped: bool = True) -> Fitted:
    """Fit one model on one fold, and return it.

    The penalty of each rating has the best validation CCC. The arguments are those of
    `affuse.fuse.models.baselines.fit`.
    """
    return _linear.fit(train, validation, lambda rank: (rank,), mapped=mapped)
