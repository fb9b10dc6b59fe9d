"""Support vector regression with a Gaussian kernel on the standardised embeddings.

::

    k(x, z) = exp(-|x - z|^2 / features)
    min_w  |w|^2 / 2 + C sum_i max(0, |y_i - w'f(x_i) - b| - epsilon)^2

f is the Nyström map (Williams and Seeger, 2001) of LANDMARKS training rows drawn at
random, so that time grows linearly with rows: f(x)'f(z) = k(x, z) exactly where one of
them is a landmark, so everywhere in training if the rows are no more than LANDMARKS.
The squared loss (Ho and Lin, 2012) is solved to its end without chance or warnings; the
exact kernel with the plain loss takes many minutes a fold at 10,000 rows. C and epsilon
of each rating, in its standard deviations, are those of best validation CCC, after the
affine map of highest CCC unless ``map=none`` (`affuse.fuse.models.baselines._choice`);
of more rows than LANDMARKS, the first SCOUTS landmarks choose them.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from affuse.data.errors import AffuseError
from affuse.fuse.inputs.tensors import Rows
from affuse.fuse.models.baselines._choice import choose
from affuse.fuse.models.baselines._linear import Joined
from affuse.fuse.models.fitted import Epoch, Fitted
from affuse.fuse.models.projection import Projection
from affuse.fuse.models.weight_files import size

LANDMARKS = 1024  # training rows that span the kernel, at most
SCOUTS = 256  # of them, that choose C and epsilon where rows are many
SEED = 0  # of which rows they are
COSTS = (0.1, 1.0, 10.0)  # C
TOLERANCE = 1e-6  # of the gradient, relative to that at the start
TUBES = (0.1, 0.5)  # epsilon, in standard deviations of the rating
Grids = Sequence[Sequence[tuple[float, float]]]  # C and epsilon to try, by rating


class Kernel(Joined):
    """A weighted sum of each row's likeness to the landmarks, in float64.

    Args:
        projections: of each modality, in the order of concatenation
        landmarks: training rows that are kept
        targets: ratings to predict
    """

    landmarks: Tensor  # (landmarks, size), standardised

    def __init__(
        self, projections: Mapping[str, Projection], *, landmarks: int, targets: int
    ):
        super().__init__(projections)
        self.register_buffer("landmarks", torch.zeros(landmarks, self.size))
        # weights of either sign nearly cancel, which float32 would not survive
        self.linear = nn.Linear(landmarks, targets, dtype=torch.float64)

    def alike(self, joined: Tensor) -> Tensor:
        """(batch, size) -> (batch, landmarks), in (0, 1]"""
        apart = torch.cdist(joined.double(), self.landmarks.double())
        return torch.exp(-apart.square() / self.size)

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """{modality: (batch, dim)}, as cached -> (batch, targets)"""
        found: Tensor = self.linear(self.alike(self.join(features)))
        return found.float()


def blank(
    projections: Mapping[str, Projection], state: Mapping[str, Tensor]
) -> nn.Module:
    """A model of the right sizes, whatever its weights."""
    targets, landmarks = (size(state, "linear.weight", axis) for axis in (0, 1))
    return Kernel(projections, landmarks=landmarks, targets=targets)


def fit(train: Rows, validation: Rows, *, mapped: bool = True) -> Fitted:
    """Fit; C and epsilon of each rating have the best validation CCC.

    Args: as of `affuse.fuse.models.baselines.fit`

    Raises:
        AffuseError: if the rows are too many for memory
    """
    if train.mapped:
        raise AffuseError(
            f"svr holds {LANDMARKS:,} numbers of each training row in memory, and the "
            f"embeddings are above --memory; allow it more, or leave svr out"
        )
    rows, targets = train.truth.shape
    projections = Joined.projected(train)
    grids: Grids = [[*product(COSTS, TUBES)]] * targets
    if rows > LANDMARKS:
        few = Kernel(projections, landmarks=min(SCOUTS, LANDMARKS), targets=targets)
        _, chosen = _fit(few, train, validation, grids, mapped)
        grids = [[grid[k]] for grid, k in zip(grids, chosen, strict=True)]
    count = min(LANDMARKS, rows)
    model = Kernel(projections, landmarks=count, targets=targets)
    epoch, _ = _fit(model, train, validation, grids, mapped)
    return Fitted(model.eval(), (epoch,))


@torch.no_grad()
def _fit(
    model: Kernel, train: Rows, validation: Rows, grids: Grids, mapped: bool
) -> tuple[Epoch, np.ndarray]:
    """Fit a model in place; return also the number of each rating's candidate."""
    y = train.truth.double()
    mean, std = y.mean(dim=0), y.std(dim=0, correction=0)
    std[std == 0] = 1.0  # a constant is its mean
    x = model.to(y.device).join(train.features)
    turn = _span(model, x)  # (landmarks, landmarks)
    kernel = model.alike(x)
    weights, biases = _solutions(kernel @ turn, (y - mean) / std, grids)
    weights = turn @ weights * std
    biases = (biases * std + mean)[:, None]  # (candidates, 1, targets)
    unseen = model.alike(model.join(validation.features))
    best = choose(validation, unseen @ weights + biases, mapped=mapped)
    each, chosen = np.arange(len(mean)), best.candidates
    weight, bias = best.mapped(weights[chosen, :, each], biases[chosen, 0, each])
    model.linear.weight.copy_(weight)
    model.linear.bias.copy_(bias)
    loss = float((model.linear(kernel) - y).square().mean())
    return Epoch(1, loss, 0.0, best.scores), chosen


def _span(model: Kernel, x: Tensor) -> Tensor:
    """Draw the landmarks; what turns likeness to them into the Nyström map."""
    from sklearn.kernel_approximation import Nystroem

    rows = x.double().cpu().numpy()
    count = len(model.landmarks)
    nystroem = Nystroem(gamma=1 / model.size, n_components=count, random_state=SEED)
    nystroem.fit(rows)
    model.landmarks.copy_(torch.from_numpy(nystroem.components_))
    turn: Tensor = torch.from_numpy(nystroem.normalization_.T).to(x.device)
    return turn


def _solutions(mapped: Tensor, y: Tensor, grids: Grids) -> tuple[Tensor, Tensor]:
    """Each C and epsilon: (candidates, landmarks, targets), (candidates, targets)

    Args:
        mapped: (n, landmarks)
        y: (n, targets), standardised
        grids: C and epsilon of each candidate, for each rating its own
    """
    x, columns = mapped.cpu().numpy(), y.cpu().numpy().T
    weights, biases = [], []
    for candidate in zip(*grids, strict=True):
        fits = [
            _machine(*pair).fit(x, column)
            for pair, column in zip(candidate, columns, strict=True)
        ]
        weights.append(np.stack([found.coef_ for found in fits], axis=1))
        biases.append(np.concatenate([found.intercept_ for found in fits]))
    return _on(y.device, weights), _on(y.device, biases)


def _machine(cost: float, tube: float) -> Any:
    from sklearn.svm import LinearSVR

    return LinearSVR(
        C=cost,
        epsilon=tube,
        loss="squared_epsilon_insensitive",
        dual=False,  # by Newton's method, with nothing random
        tol=TOLERANCE,
    )


def _on(device: torch.device, arrays: Sequence[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(arrays)).to(device)
