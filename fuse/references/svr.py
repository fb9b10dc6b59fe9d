"""Support vector regression with a Gaussian kernel on the standardised embeddings.

::

    k(x, z) = exp(-|x - z|^2 / features)
    min_w  |w|^2 / 2 + C sum_i max(0, |y_i - w'f(x_i) - b| - epsilon)^2

f is the Nyström map (Williams and Seeger, 2001) of LANDMARKS training rows drawn at
random, so that time grows linearly with rows: f(x)'f(z) = k(x, z) exactly where one of
them is a landmark, so everywhere in training if the rows are no more than LANDMARKS.
The squared loss (Ho and Lin, 2012) is solved to its end without chance or warnings; the
exact kernel with the plain loss takes many minutes a fold at 10,000 rows. C and
epsilon of each rating, in its standard deviations, are those of best validation CCC.
"""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import torch
from torch import Tensor, nn

from fuse.fit import Fitted
from fuse.loop import Epoch
from fuse.reduce import Projection
from fuse.references._linear import Joined, choose
from fuse.tensors import Rows

LANDMARKS = 1024  # training rows that span the kernel, at most
SEED = 0  # of which rows they are
COSTS = (0.1, 1.0, 10.0)  # C
TOLERANCE = 1e-6  # of the gradient, relative to that at the start
TUBES = (0.1, 0.5)  # epsilon, in standard deviations of the rating


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
    targets, landmarks = state["linear.weight"].shape
    return Kernel(projections, landmarks=landmarks, targets=targets)


def fit(train: Rows, validation: Rows) -> Fitted:
    """C and epsilon of each rating are those of best validation CCC.

    Raises:
        ValueError: if the rows are too many for memory
    """
    if train.mapped:
        raise ValueError(
            f"svr holds {LANDMARKS:,} numbers of each training row in memory, and the "
            f"embeddings are above --memory; allow it more, or leave svr out"
        )
    targets, device = train.truth.shape[1], train.truth.device
    projections = Joined.projected(train)
    model = Kernel(
        projections, landmarks=min(LANDMARKS, len(train.truth)), targets=targets
    ).to(device)
    y = train.truth.double()
    mean, std = y.mean(dim=0), y.std(dim=0, correction=0)
    std[std == 0] = 1.0  # a constant is its mean
    with torch.no_grad():
        x = model.join(train.features)
        turn = _span(model, x)  # (landmarks, landmarks)
        kernel = model.alike(x)
        weights, biases = _solutions(kernel @ turn, (y - mean) / std)
        weights = turn @ weights * std
        biases = (biases * std + mean)[:, None]  # (candidates, 1, targets)
        unseen = model.alike(model.join(validation.features))
        best, chosen = choose(validation, unseen @ weights + biases)
        each = np.arange(targets)
        model.linear.weight.copy_(weights[chosen, :, each])
        model.linear.bias.copy_(biases[chosen, 0, each])
        loss = float((model.linear(kernel) - y).square().mean())
    return Fitted(model.eval(), (Epoch(1, loss, 0.0, best),))


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


def _solutions(mapped: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Each C and epsilon: (candidates, landmarks, targets), (candidates, targets)

    Args:
        mapped: (n, landmarks)
        y: (n, targets), standardised
    """
    from sklearn.base import clone
    from sklearn.svm import LinearSVR

    x, columns = mapped.cpu().numpy(), y.cpu().numpy().T
    weights, biases = [], []
    for cost, tube in product(COSTS, TUBES):
        machine = LinearSVR(
            C=cost,
            epsilon=tube,
            loss="squared_epsilon_insensitive",
            dual=False,  # by Newton's method, with nothing random
            tol=TOLERANCE,
        )
        fits = [clone(machine).fit(x, column) for column in columns]
        weights.append(np.stack([found.coef_ for found in fits], axis=1))
        biases.append(np.concatenate([found.intercept_ for found in fits]))
    return _on(y.device, weights), _on(y.device, biases)


def _on(device: torch.device, arrays: Sequence[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(arrays)).to(device)
