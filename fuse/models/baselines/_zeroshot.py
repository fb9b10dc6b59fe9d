"""Zero-shot baseline: predictions of the audio checkpoint's regression head."""

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from affuse.data.errors import AffuseError, DamagedFileError
from affuse.fuse.inputs.tensors import HEAD, Rows
from affuse.fuse.models.fitted import Epoch, Fitted, ccc


class Zeroshot(nn.Module):
    """Ratings of a checkpoint's head, selected by name and scaled to [-1, 1].

    Args:
        head: names of the head's ratings, in order
        targets: names of the ratings to predict

    Raises:
        AffuseError: if no head is cached, or it does not predict one of the targets
    """

    columns: Tensor  # (targets,) of the head's ratings

    def __init__(self, head: Sequence[str], *, targets: Sequence[str]):
        super().__init__()
        if missing := [name for name in targets if name not in head]:
            available = f"only {', '.join(head)}" if head else "none"
            raise AffuseError(
                f"zeroshot needs the checkpoint's own predictions of "
                f"{', '.join(missing)}, and the cache holds {available}; extract audio "
                f"with --head from a checkpoint that has a regression head"
            )
        columns = torch.tensor([list(head).index(name) for name in targets])
        self.register_buffer("columns", columns)

    def demand_same(self, other: nn.Module) -> None:
        """Raise an error if the columns differ from those of another module.

        Args:
            other: module that was built from the names of the ratings

        Raises:
            DamagedFileError: if they differ
        """
        if not torch.equal(self.columns, cast(Zeroshot, other).columns):
            raise DamagedFileError("its columns are not those of the head it names")

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return the predictions of the head.

        Args:
            features: {HEAD: (batch, ratings)}, approximately in [0, 1]

        Returns:
            (batch, targets), approximately in [-1, 1]
        """
        return 2 * features[HEAD][:, self.columns] - 1


def apply_zeroshot(
    train: Rows, validation: Rows, *, head: Sequence[str], targets: Sequence[str]
) -> Fitted:
    """Return the zero-shot model with its validation CCC; nothing is trained.

    Args:
        train: rows of which the loss is reported
        validation: rows of which the CCC is reported
        head: names of the head's ratings, in order
        targets: names of the ratings to predict

    Raises:
        AffuseError: if the head does not predict one of the targets
    """
    model = Zeroshot(head, targets=targets).to(train.truth.device).eval()
    loss = float((model(train.features) - train.truth).square().mean())
    scores = ccc(
        validation.truth, model(validation.features), targets=validation.targets
    )
    return Fitted(model, (Epoch(1, loss, 0.0, scores),))
