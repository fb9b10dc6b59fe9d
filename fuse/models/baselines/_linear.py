"""What the linear baselines share: one eigendecomposition, and the choice among all.

::

    W = (X'X + n a I)^-1 X'Y = V (S + n a I)^-1 V' X'Y      where X'X = V S V'

for every penalty a and rating, and with the first k columns of V in place of all, for
the first k principal components. With fewer rows than features the decomposition is
that of XX' = U S U', and V = X'U S^-1/2.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from affuse.data.errors import AffuseError
from affuse.fuse.inputs.chunks import DOUBLE, spans, take
from affuse.fuse.inputs.tensors import HEAD, Rows
from affuse.fuse.models.baselines._choice import choose
from affuse.fuse.models.fitted import Epoch, Fitted
from affuse.fuse.models.principal_axes import WIDE, Pieces, total
from affuse.fuse.models.projection import Projection
from affuse.fuse.models.regressor import pick
from affuse.fuse.models.weight_files import size

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

    def pieces(self, rows: Rows) -> Iterator[Tensor]:
        """(piece, size) of all rows, one piece after another, in float64."""
        for span in spans(len(rows.truth), DOUBLE * self.size):
            numbers = rows.numbers[span]
            features = {n: take(x, numbers) for n, x in rows.features.items()}
            yield self.join(features).double()


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
    return Ridge(projections, targets=size(state, "linear.bias"))


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


def decompose(pieces: Pieces, y: Tensor, features: int) -> Spectrum:
    """The one eigendecomposition that serves all penalties, sizes and ratings.

    Directions that the rows do not determine, by rounding error, are left out: the
    weights along them are 0 for every penalty.

    Args:
        pieces: of (n, features), centred, float64; held together if n < features
        y: (n, targets), centred, float64
        features: of each row
    """
    n, dual = len(y), features > len(y)
    x = torch.cat(list(pieces())) if dual else None
    gram = total(part.T @ part for part in pieces()) if x is None else x @ x.T
    values, vectors = torch.linalg.eigh(gram)
    floor = torch.finfo(values.dtype).eps * max(n, features) * values[-1]
    kept = values > floor.clamp_min(0)
    values, vectors = values[kept].flip(0), vectors[:, kept].flip(1)
    if x is not None:
        vectors = x.T @ vectors / values.sqrt()
    parts = zip(spans(n, DOUBLE * features), pieces(), strict=True)
    seen = total(part.T @ y[span] for span, part in parts)
    return Spectrum(values, vectors, vectors.T @ seen, n)


def fit(
    train: Rows,
    validation: Rows,
    components: Callable[[int], Sequence[int]],
    *,
    mapped: bool,
) -> Fitted:
    """Return the model whose penalty and size have the best validation CCC.

    Each rating has a penalty, a size and a line of its own. The line is part of the
    weights.

    Args:
        train: rows that determine all weights
        validation: rows that choose, and that the lines are fitted on
        components: sizes to try, given the rank of the training rows
        mapped: whether predictions go through a line, see
            `affuse.fuse.models.baselines._choice`

    Raises:
        AffuseError: if the rows are too wide for all products of two features
    """
    targets = train.truth.shape[1]
    model = Ridge(Joined.projected(train), targets=targets).to(train.truth.device)
    _demand_narrow(train, model.size)
    y = train.truth.double()
    centre, mean = total(x.sum(dim=0) for x in model.pieces(train)) / len(y), y.mean(0)
    spectrum = decompose(
        lambda: (x - centre for x in model.pieces(train)), y - mean, model.size
    )
    sizes = components(len(spectrum.values))
    weights = torch.cat([spectrum.weights(k) for k in sizes])
    unseen = [(x - centre) @ weights + mean for x in model.pieces(validation)]
    predicted = torch.cat(unseen, dim=1)  # (candidates, rows, targets)
    best = choose(validation, predicted, mapped=mapped)
    weight = weights[best.candidates, :, np.arange(targets)]  # (targets, features)
    weight, bias = best.mapped(weight, mean - weight @ centre)
    with torch.no_grad():
        model.linear.weight.copy_(weight)
        model.linear.bias.copy_(bias)
    said = torch.cat([x @ weight.T + bias for x in model.pieces(train)])
    loss = float((said - y).square().mean())
    return Fitted(model.eval(), (Epoch(1, loss, 0.0, best.scores),))


def _demand_narrow(train: Rows, features: int) -> None:
    """Refuse to hold all products of two features where memory is short already."""
    if train.mapped and features > WIDE:
        raise AffuseError(
            f"a linear reference on {features:,} features holds all products of two of "
            f"them in memory, and above --memory at most {WIDE:,} are taken; allow it "
            f"more, or cache fewer layers"
        )
