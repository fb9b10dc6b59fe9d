"""Rows of every table that need no network: ridge regression, and no training at all.

``ridge`` is linear in all embeddings that are given, side by side, and has a closed
form. ``zeroshot`` is what the audio checkpoint's own head says. Neither has anything
random, so there is one seed.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from fuse.designs._regressor import pick
from fuse.fit import Fitted
from fuse.loop import Epoch, ccc
from fuse.reduce import Projection
from fuse.tensors import HEAD, Rows

REFERENCES = ("ridge", "zeroshot")
SEED = 0  # the one that their rows carry
PENALTIES = np.logspace(-4, 3, 22)  # per training row


class Ridge(nn.Module):
    """A weighted sum of the standardised embeddings of all modalities.

    Args:
        projections: of each modality, in the order of concatenation
        targets: ratings to predict
    """

    def __init__(self, projections: Mapping[str, Projection], *, targets: int):
        super().__init__()
        self.projections = nn.ModuleDict(dict(sorted(projections.items())))
        self.linear = nn.Linear(sum(p.size for p in projections.values()), targets)

    def join(self, features: Mapping[str, Tensor]) -> Tensor:
        """{modality: (batch, dim)}, as cached -> (batch, sum of dims), standardised"""
        parts = [p(pick(features, m)) for m, p in self.projections.items()]
        return torch.cat(parts, dim=1)

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """{modality: (batch, dim)}, as cached -> (batch, targets)"""
        found: Tensor = self.linear(self.join(features))
        return found


class Zeroshot(nn.Module):
    """The head's own ratings, found by name and brought from [0, 1] to [-1, 1].

    Args:
        head: names of the head's ratings, in its order
        targets: names of the ratings to predict

    Raises:
        ValueError: if no head was kept, or it does not predict one of the targets
    """

    columns: Tensor  # (targets,) of the head's ratings

    def __init__(self, head: Sequence[str], *, targets: Sequence[str]):
        super().__init__()
        if missing := [name for name in targets if name not in head]:
            there = f"only {', '.join(head)}" if head else "none"
            raise ValueError(
                f"zeroshot needs the checkpoint's own predictions of "
                f"{', '.join(missing)}, and the cache holds {there}; extract audio "
                f"with --head from a checkpoint that has a regression head"
            )
        columns = torch.tensor([list(head).index(name) for name in targets])
        self.register_buffer("columns", columns)

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """{HEAD: (batch, ratings)}, about [0, 1] -> (batch, targets), about [-1, 1]"""
        return 2 * features[HEAD][:, self.columns] - 1


def fit_ridge(train: Rows, validation: Rows) -> Fitted:
    """The penalty of each rating is the one of best validation CCC.

    ::

        W = (X'X + n a I)^-1 X'Y = V (S + n a I)^-1 V' X'Y      where X'X = V S V'

    so that one eigendecomposition serves all penalties and ratings; of XX' in place
    of X'X, if there are fewer rows than features.
    """
    modalities = sorted(m for m in train.features if m != HEAD)
    projections = {m: Projection.fitted(train.features[m]) for m in modalities}
    model = Ridge(projections, targets=train.truth.shape[1]).to(train.truth.device)
    x, y = model.join(train.features).double(), train.truth.double()
    centre, mean = x.mean(dim=0), y.mean(dim=0)
    weights = _solve(x - centre, y - mean)  # (penalties, features, targets)
    unseen = model.join(validation.features).double()
    predicted = (unseen - centre) @ weights + mean  # (penalties, rows, targets)
    targets = validation.targets
    scores = torch.tensor(
        [ccc(validation.truth, found, targets=targets) for found in predicted]
    )
    best, chosen = scores.max(dim=0)
    each = torch.arange(len(mean))
    weight = weights[chosen, :, each]  # (targets, features)
    with torch.no_grad():
        model.linear.weight.copy_(weight)
        model.linear.bias.copy_(mean - weight @ centre)
    loss = float((x @ weight.T + mean - weight @ centre - y).square().mean())
    return Fitted(model.eval(), (Epoch(1, loss, 0.0, tuple(best.tolist())),))


def _solve(x: Tensor, y: Tensor) -> Tensor:
    """Weights for each of PENALTIES: (n, features), (n, targets) -> (penalties, ...)

    Args:
        x: (n, features), centred
        y: (n, targets), centred
    """
    n, dim = x.shape
    dual = dim > n
    values, vectors = torch.linalg.eigh(x @ x.T if dual else x.T @ x)
    seen = vectors.T @ (y if dual else x.T @ y)  # (values, targets)
    penalties = torch.from_numpy(PENALTIES).to(x.device) * n
    shrunk = seen / (values.clamp_min(0) + penalties[:, None])[..., None]
    weights = vectors @ shrunk  # (penalties, n or features, targets)
    found: Tensor = x.T @ weights if dual else weights
    return found


def apply_zeroshot(
    train: Rows, validation: Rows, *, head: Sequence[str], targets: Sequence[str]
) -> Fitted:
    """Nothing is trained; validation only shows how good the head is there."""
    model = Zeroshot(head, targets=targets).to(train.truth.device).eval()
    loss = float((model(train.features) - train.truth).square().mean())
    scores = ccc(
        validation.truth, model(validation.features), targets=validation.targets
    )
    return Fitted(model, (Epoch(1, loss, 0.0, scores),))
