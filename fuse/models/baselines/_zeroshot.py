"""What the audio checkpoint's own head says, with no training at all."""

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from affuse.data.errors import AffuseError, DamagedFileError
from affuse.fuse.inputs.tensors import HEAD, Rows
from affuse.fuse.models.fitted import Epoch, Fitted, ccc


class Zeroshot(nn.Module):
    """The head's own ratings, found by name and brought from [0, 1] to [-1, 1].

    Args:
        head: names of the head's ratings, in its order
        targets: names of the ratings to predict

    Raises:
        AffuseError: if no head was kept, or it does not predict one of the targets
    """

    columns: Tensor  # (targets,) of the head's ratings

    def __init__(self, head: Sequence[str], *, targets: Sequence[str]):
        super().__init__()
        if missing := [name for name in targets if name not in head]:
            there = f"only {', '.join(head)}" if head else "none"
            raise AffuseError(
                f"zeroshot needs the checkpoint's own predictions of "
                f"{', '.join(missing)}, and the cache holds {there}; extract audio "
                f"with --head from a checkpoint that has a regression head"
            )
        columns = torch.tensor([list(head).index(name) for name in targets])
        self.register_buffer("columns", columns)

    def demand_same(self, other: nn.Module) -> None:
        """Refuse columns that are not those of another module, as it was built.

        Raises:
            DamagedFileError: if they differ
        """
        if not torch.equal(self.columns, cast(Zeroshot, other).columns):
            raise DamagedFileError("its columns are not those of the head it names")

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """{HEAD: (batch, ratings)}, about [0, 1] -> (batch, targets), about [-1, 1]"""
        return 2 * features[HEAD][:, self.columns] - 1


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
