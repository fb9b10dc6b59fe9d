"""Linear baselines: one eigendecomposition for all penalties and numbers of components.

::

    W = (X'X + n a I)^-1 X'Y = V (S + n a I)^-1 V' X'Y      where X'X = V S V'

for every penalty a and rating. With the first k columns of V only, the weights are
those of the first k principal components. With fewer rows than features, the
decomposition is that of XX' = U S U', and V = X'U S^-1/2.
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
    """Base module of standardised embeddings of all modalities, concatenated.

    Args:
        projections: {modality: projection}
    """

    def __init__(self, projections: Mapping[str, Projection]):
        super().__init__()
        self.projections = nn.ModuleDict(dict(sorted(projections.items())))
        self.size = sum(p.size for p in projections.values())

    @classmethod
    def projected(cls, train: Rows) -> dict[str, Projection]:
        """Return a projection of each modality, fitted on the training rows.

        Args:
            train: training rows
        """
        modalities = sorted(m for m in train.features if m != HEAD)
        return {m: Projection.fitted(train.features[m]) for m in modalities}

    def join(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return standardised embeddings of all modalities, concatenated.

        Args:
            features: {modality: (batch, dim)}, as cached

        Returns:
            (batch, size)
        """
        parts = [p(pick(features, m)) for m, p in self.projections.items()]
        return torch.cat(parts, dim=1)

    def pieces(self, rows: Rows) -> Iterator[Tensor]:
        """Yield chunks of all rows: (rows of the chunk, size), float64.

        Args:
            rows: to be read
        """
        for span in spans(len(rows.truth), DOUBLE * self.size):
            numbers = rows.numbers[span]
            features = {n: take(x, numbers) for n, x in rows.features.items()}
            yield self.join(features).double()


class Ridge(Joined):
    """Linear model on the standardised embeddings of all modalities.

    Args:
        projections: {modality: projection}
        targets: number of ratings to predict
    """

    def __init__(self, projections: Mapping[str, Projection], *, targets: int):
        super().__init__(projections)
        self.linear = nn.Linear(self.size, targets)

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return the predictions.

        Args:
            features: {modality: (batch, dim)}, as cached

        Returns:
            (batch, targets)
        """
        predictions: Tensor = self.linear(self.join(features))
        return predictions


def blank(
    projections: Mapping[str, Projection], state: Mapping[str, Tensor]
) -> nn.Module:
    """Return an unfitted linear model with the sizes of a saved state.

    Args:
        projections: {modality: projection} with the sizes of the saved ones
        state: {name: tensor} of the saved module
    """
    return Ridge(projections, targets=size(state, "linear.bias"))


@dataclass(frozen=True)
class Spectrum:
    """Eigendecomposition of the training rows, as ridge regression needs it."""

    values: Tensor  # (rank,) eigenvalues of X'X, highest first, all above 0
    directions: Tensor  # (features, rank) eigenvectors, orthonormal
    projected: Tensor  # (rank, targets), V'X'Y
    rows: int

    def weights(self, components: int) -> Tensor:
        """Return the weights for all penalties: (PENALTIES, features, targets).

        Args:
            components: number of directions to use
        """
        values, directions = self.values[:components], self.directions[:, :components]
        penalties = torch.from_numpy(PENALTIES).to(values.device) * self.rows
        shrunk = self.projected[:components] / (values + penalties[:, None])[..., None]
        return directions @ shrunk


def decompose(pieces: Pieces, y: Tensor, features: int) -> Spectrum:
    """Return the eigendecomposition that serves all penalties, sizes and ratings.

    Directions that the rows do not determine, up to rounding errors, are left out: the
    weights along them are 0 for every penalty.

    Args:
        pieces: chunks of (n, features), centred, float64; held together if n < features
        y: (n, targets), centred, float64
        features: number of features
    """
    n, dual = len(y), features > len(y)
    x = torch.cat(list(pieces())) if dual else None
    gram = total(part.T @ part for part in pieces()) if x is None else x @ x.T
    values, vectors = torch.linalg.eigh(gram)
    floor = torch.finfo(values.dtype).eps * max(n, features) * values[-1]
    positive = values > floor.clamp_min(0)
    values, vectors = values[positive].flip(0), vectors[:, positive].flip(1)
    if x is not None:
        vectors = x.T @ vectors / values.sqrt()
    parts = zip(spans(n, DOUBLE * features), pieces(), strict=True)
    products = total(part.T @ y[span] for span, part in parts)
    return Spectrum(values, vectors, vectors.T @ products, n)


def fit(
    train: Rows,
    validation: Rows,
    components: Callable[[int], Sequence[int]],
    *,
    mapped: bool,
) -> Fitted:
    """Return the model whose penalty and size have the best validation CCC.

    Penalty, size and affine map are chosen separately for each rating. The map is part
    of the weights.

    Args:
        train: rows that determine all weights
        validation: rows that choose, and that the maps are fitted on
        components: returns the sizes to try, from the rank of the training rows
        mapped: apply an affine map to the predictions, see
            `affuse.fuse.models.baselines._choice`

    Raises:
        AffuseError: if there are too many features for X'X in memory
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
    chunks = [(x - centre) @ weights + mean for x in model.pieces(validation)]
    predicted = torch.cat(chunks, dim=1)  # (candidates, rows, targets)
    best = choose(validation, predicted, mapped=mapped)
    weight = weights[best.candidates, :, np.arange(targets)]  # (targets, features)
    weight, bias = best.mapped(weight, mean - weight @ centre)
    with torch.no_grad():
        model.linear.weight.copy_(weight)
        model.linear.bias.copy_(bias)
    fitted = torch.cat([x @ weight.T + bias for x in model.pieces(train)])
    loss = float((fitted - y).square().mean())
    return Fitted(model.eval(), (Epoch(1, loss, 0.0, best.scores),))


def _demand_narrow(train: Rows, features: int) -> None:
    """Raise an error if X'X would not fit beside embeddings above --memory."""
    if train.mapped and features > WIDE:
        raise AffuseError(
            f"a linear baseline on {features:,} features holds all products of two "
            f"features in memory; for embeddings above --memory the limit is {WIDE:,} "
            f"features; raise --memory, or cache fewer layers"
        )
