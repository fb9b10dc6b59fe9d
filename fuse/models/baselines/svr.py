"""Support vector regression with a Gaussian kernel on the standardised embeddings.

::

    k(x, z) = exp(-|x - z|^2 / features)
    min_w  |w|^2 / 2 + C sum_i max(0, |y_i - w'f(x_i) - b| - epsilon)^2

f is the Nyström map (Williams and Seeger, 2001) of LANDMARKS random training rows, so
that time grows linearly with rows. f(x)'f(z) = k(x, z) is exact where x or z is a
landmark; it is exact for all training rows if they are no more than LANDMARKS. The
squared loss (Ho and Lin, 2012) is solved to convergence without random numbers or
warnings. The exact kernel with the absolute loss takes many minutes for a fold of
10,000 rows. C and epsilon, in standard deviations of the rating, have the best
validation CCC, after the affine map of highest CCC unless ``map=none``
(`affuse.fuse.models.baselines._choice`). For more rows than LANDMARKS, a model with the
first SCOUTS landmarks chooses them.
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

LANDMARKS = 1024  # largest number of training rows that span the kernel
SCOUTS = 256  # landmarks of the model that chooses C and epsilon where rows are many
SEED = 0  # of the random choice of landmarks
COSTS = (0.1, 1.0, 10.0)  # C
TOLERANCE = 1e-6  # norm of the gradient, relative to the initial one
TUBES = (0.1, 0.5)  # epsilon, in standard deviations of the rating
Grids = Sequence[Sequence[tuple[float, float]]]  # (C, epsilon) to try, by rating


class Kernel(Joined):
    """Linear model on the kernel values of a row with the landmarks, in float64.

    Args:
        projections: {modality: projection}
        landmarks: number of training rows that span the kernel
        targets: number of ratings to predict
    """

    holds_training_rows = True  # so that it is not shared in a bundle
    landmarks: Tensor  # (landmarks, size), standardised

    def __init__(
        self, projections: Mapping[str, Projection], *, landmarks: int, targets: int
    ):
        super().__init__(projections)
        self.register_buffer("landmarks", torch.zeros(landmarks, self.size))
        # Weights of both signs nearly cancel, so the precision of float32 is too low.
        self.linear = nn.Linear(landmarks, targets, dtype=torch.float64)

    def alike(self, joined: Tensor) -> Tensor:
        """Return the kernel values of rows with all landmarks.

        Args:
            joined: (batch, size), standardised

        Returns:
            (batch, landmarks), in (0, 1], float64
        """
        distance = torch.cdist(joined.double(), self.landmarks.double())
        return torch.exp(-distance.square() / self.size)

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return the predictions.

        Args:
            features: {modality: (batch, dim)}, as cached

        Returns:
            (batch, targets), float32
        """
        predictions: Tensor = self.linear(self.alike(self.join(features)))
        return predictions.float()


def blank(
    projections: Mapping[str, Projection], state: Mapping[str, Tensor]
) -> nn.Module:
    """Return an unfitted model with the sizes of a saved state.

    Args:
        projections: {modality: projection} with the sizes of the saved ones
        state: {name: tensor} of the saved module
    """
    targets, landmarks = (size(state, "linear.weight", axis) for axis in (0, 1))
    return Kernel(projections, landmarks=landmarks, targets=targets)


def fit(train: Rows, validation: Rows, *, mapped: bool = True) -> Fitted:
    """Fit one model on one fold, and return it.

    C and epsilon of each rating have the best validation CCC. The arguments are those
    of `affuse.fuse.models.baselines.fit`.

    Raises:
        AffuseError: if the rows are too many for memory
    """
    if train.mapped:
        raise AffuseError(
            f"svr holds {LANDMARKS:,} numbers of each training row in memory, and the "
            f"embeddings are above --memory; raise --memory, or leave svr out"
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
    """Fit a model in place; return its scores and each rating's candidate."""
    y = train.truth.double()
    mean, std = y.mean(dim=0), y.std(dim=0, correction=0)
    std[std == 0] = 1.0  # a constant rating is centred only
    x = model.to(y.device).join(train.features)
    whiten = _span(model, x)  # (landmarks, landmarks)
    kernel = model.alike(x)
    weights, biases = _solutions(kernel @ whiten, (y - mean) / std, grids)
    weights = whiten @ weights * std
    biases = (biases * std + mean)[:, None]  # (candidates, 1, targets)
    similarity = model.alike(model.join(validation.features))
    best = choose(validation, similarity @ weights + biases, mapped=mapped)
    indices, chosen = np.arange(len(mean)), best.candidates
    weight, bias = best.mapped(weights[chosen, :, indices], biases[chosen, 0, indices])
    model.linear.weight.copy_(weight)
    model.linear.bias.copy_(bias)
    loss = float((model.linear(kernel) - y).square().mean())
    return Epoch(1, loss, 0.0, best.scores), chosen


def _span(model: Kernel, x: Tensor) -> Tensor:
    """Draw the landmarks; return the matrix from their kernel to the Nyström map."""
    from sklearn.kernel_approximation import Nystroem

    rows = x.double().cpu().numpy()
    count = len(model.landmarks)
    nystroem = Nystroem(gamma=1 / model.size, n_components=count, random_state=SEED)
    nystroem.fit(rows)
    model.landmarks.copy_(torch.from_numpy(nystroem.components_))
    whiten: Tensor = torch.from_numpy(nystroem.normalization_.T).to(x.device)
    return whiten


def _solutions(mapped: Tensor, y: Tensor, grids: Grids) -> tuple[Tensor, Tensor]:
    """Fit all candidates, and return their weights and constants.

    Args:
        mapped: (n, landmarks), the Nyström map of the training rows
        y: (n, targets), standardised
        grids: (C, epsilon) of each candidate, by rating

    Returns:
        (candidates, landmarks, targets) and (candidates, targets)
    """
    x, columns = mapped.cpu().numpy(), y.cpu().numpy().T
    weights, biases = [], []
    for candidate in zip(*grids, strict=True):
        fits = [
            _machine(*pair).fit(x, column)
            for pair, column in zip(candidate, columns, strict=True)
        ]
        weights.append(np.stack([machine.coef_ for machine in fits], axis=1))
        biases.append(np.concatenate([machine.intercept_ for machine in fits]))
    return _on(y.device, weights), _on(y.device, biases)


def _machine(cost: float, tube: float) -> Any:
    """Return an unfitted support vector regressor."""
    from sklearn.svm import LinearSVR

    return LinearSVR(
        C=cost,
        epsilon=tube,
        loss="squared_epsilon_insensitive",
        dual=False,  # Newton's method, without random numbers
        tol=TOLERANCE,
    )


def _on(device: torch.device, arrays: Sequence[np.ndarray]) -> Tensor:
    """Return arrays stacked on a new first axis, on a device."""
    return torch.from_numpy(np.stack(arrays)).to(device)
