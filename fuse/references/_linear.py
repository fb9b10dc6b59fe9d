"""What the linear references share: one eigendecomposition, and the choice among all.

::

    W = (X'X + n a I)^-1 X'Y = V (S + n a I)^-1 V' X'Y      where X'X = V S V'

for every penalty a and rating, and with the first k columns of V in place of all, for
the first k principal components. With fewer rows than features the decomposition is
that of XX' = U S U', and V = X'U S^-1/2.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from fuse.designs._regressor import pick
from fuse.fit import Fitted
from fuse.loop import Epoch, ccc
from fuse.reduce import Projection
from fuse.tensors import HEAD, Rows

PENALTIES = np.logspace(-4, 3, 22)  # per training row


class Joined(nn.Module):
    """The standardised embeddings of all modalities, side by side.

    Args:
        projections: of each modality, in the order of concatenation
    """

    def __init__(self, projections: Mapping[str, Projection]):
        super().__init__()
        self.projections = nn.ModuleDict(dict(sorted(projections.items())))
        self.size = sum(p.size for p in projections.values())

    @classmethod
    def projected(cls, train: Rows) -> dict[str, Projection]:
        """Statistics of the training rows of each modality."""
        modalities = sorted(m for m in train.features if m != HEAD)
        return {m: Projection.fitted(train.features[m]) for m in modalities}

    def join(self, features: Mapping[str, Tensor]) -> Tensor:
        """{modality: (batch, dim)}, as cached -> (batch, size), standardised"""
        parts = [p(pick(features, m)) for m, p in self.projections.items()]
        return torch.cat(parts, dim=1)


class Ridge(Joined):
    """A weighted sum of the standardised embeddings of all modalities.

    Args:
        projections: of each modality, in the order of concatenation
        targets: ratings to predict
    """

    def __init__(self, projections: Mapping[str, Projection], *, targets: int):
        super().__init__(projections)
        self.linear = nn.Linear(self.size, targets)

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """{modality: (batch, dim)}, as cached -> (batch, targets)"""
        found: Tensor = self.linear(self.join(features))
        return found


def blank(
    projections: Mapping[str, Projection], state: Mapping[str, Tensor]
) -> nn.Module:
    """A linear model of the right sizes, whatever its weights."""
    return Ridge(projections, targets=len(state["linear.bias"]))


@dataclass(frozen=True)
class Spectrum:
    """The training rows, as far as ridge regression sees them."""

    values: Tensor  # (rank,), of X'X, highest first, all above 0
    directions: Tensor  # (features, rank), orthonormal
    seen: Tensor  # (rank, targets), what Y has along each: V'X'Y
    rows: int

    def weights(self, components: int) -> Tensor:
        """(PENALTIES, features, targets), with so many of the directions."""
        values, directions = self.values[:components], self.directions[:, :components]
        penalties = torch.from_numpy(PENALTIES).to(values.device) * self.rows
        shrunk = self.seen[:components] / (values + penalties[:, None])[..., None]
        return directions @ shrunk


def decompose(x: Tensor, y: Tensor) -> Spectrum:
    """The one eigendecomposition that serves all penalties, sizes and ratings.

    Directions that the rows do not determine, by rounding error, are left out: the
    weights along them are 0 for every penalty.

    Args:
        x: (n, features), centred, float64
        y: (n, targets), centred, float64
    """
    n, dim = x.shape
    dual = dim > n
    values, vectors = torch.linalg.eigh(x @ x.T if dual else x.T @ x)
    floor = torch.finfo(values.dtype).eps * max(n, dim) * values[-1]
    kept = values > floor.clamp_min(0)
    values, vectors = values[kept].flip(0), vectors[:, kept].flip(1)
    if dual:
        vectors = x.T @ vectors / values.sqrt()
    return Spectrum(values, vectors, vectors.T @ (x.T @ y), n)


def fit(
    train: Rows, validation: Rows, components: Callable[[int], Sequence[int]]
) -> Fitted:
    """The penalty and size of each rating are those of best validation CCC.

    Args:
        train: rows that determine all weights
        validation: rows that choose
        components: sizes to try, given the rank of the training rows
    """
    targets = train.truth.shape[1]
    model = Ridge(Joined.projected(train), targets=targets).to(train.truth.device)
    x, y = model.join(train.features).double(), train.truth.double()
    centre, mean = x.mean(dim=0), y.mean(dim=0)
    spectrum = decompose(x - centre, y - mean)
    sizes = components(len(spectrum.values))
    weights = torch.cat([spectrum.weights(k) for k in sizes])
    unseen = model.join(validation.features).double()
    predicted = (unseen - centre) @ weights + mean  # (candidates, rows, targets)
    best, chosen = choose(validation, predicted)
    weight = weights[chosen, :, np.arange(targets)]  # (targets, features)
    bias = mean - weight @ centre
    with torch.no_grad():
        model.linear.weight.copy_(weight)
        model.linear.bias.copy_(bias)
    loss = float((x @ weight.T + bias - y).square().mean())
    return Fitted(model.eval(), (Epoch(1, loss, 0.0, best),))


def choose(validation: Rows, predicted: Tensor) -> tuple[tuple[float, ...], np.ndarray]:
    """The best CCC of each rating, and the number of the first candidate that has it.

    Args:
        validation: (rows) with their ratings
        predicted: (candidates, rows, targets)
    """
    names = validation.targets
    scores = np.array([ccc(validation.truth, p, targets=names) for p in predicted])
    return tuple(scores.max(axis=0).tolist()), scores.argmax(axis=0)
