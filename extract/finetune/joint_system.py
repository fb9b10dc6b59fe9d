"""Joint module of encoders and the system of stage two, for training together."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from torch import Tensor, nn

from affuse.extract.finetune.backbone import Encoders
from affuse.extract.finetune.fold_inputs import FoldPart, collate, group_rows
from affuse.extract.finetune.tuning_settings import probe_settings
from affuse.extract.finetune.weight_averaging import Averages
from affuse.fuse.inputs.tensors import Rows, groups
from affuse.fuse.losses import reconstruction
from affuse.fuse.models.fitted import Fitted
from affuse.fuse.models.projection import Projection
from affuse.fuse.models.system import System
from affuse.fuse.settings import Settings
from affuse.fuse.training.fitting import fit


class JointModule(nn.Module):
    """Module from the inputs of the encoders to ratings.

    Args:
        encoders: of the modalities that the system takes
        system: projections, autoencoders and design
    """

    def __init__(self, encoders: Encoders, system: System):
        super().__init__()
        self.encoders = encoders
        self.system = system
        self.averages: Averages | None = None  # EMA of the weights, if it is enabled

    def forward(
        self, inputs: Mapping[str, Mapping[str, Tensor]]
    ) -> tuple[Tensor, Tensor]:
        """Return predictions (n, targets), and the reconstruction loss (equation 7).

        The target of the reconstruction has no gradient. Otherwise the encoders could
        lower this loss with uninformative embeddings, which are easy to reconstruct.

        Args:
            inputs: as `Backbone.collate` returns them, by modality
        """
        projected = self.system.project(self.encoders(inputs))
        codes = self.system.encode(projected)
        error = next(iter(projected.values())).new_zeros(())
        for modality, decoded in self.system.decode(codes).items():
            error = error + reconstruction(decoded, projected[modality].detach())
        return self.system.fusion(codes), error

    def with_averages(self) -> AbstractContextManager[None]:
        """Return a context in which the module has the EMA of its weights, if enabled.

        Validation scores these weights, and the best checkpoint holds them.
        """
        return self.averages.as_weights() if self.averages else nullcontext()


@torch.no_grad()
def embed(
    encoders: Encoders, part: FoldPart, *, size: int, device: str
) -> dict[str, Tensor]:
    """Return the embeddings of all utterances, (n, dim) float32, by modality.

    Args:
        encoders: set to evaluation mode
        part: with the inputs
        size: number of utterances in a batch
        device: torch device
    """
    encoders.eval()
    batches: dict[str, list[Tensor]] = {m: [] for m in encoders.backbones}
    order = group_rows(part, range(len(part)), encoders.backbones, size=size)
    for rows in order:
        embeddings = encoders(collate(part, rows, encoders.backbones, device))
        for modality, values in embeddings.items():
            batches[modality].append(values)
    inverse = torch.from_numpy(np.argsort(np.concatenate(order)))
    return {m: torch.cat(values)[inverse.to(device)] for m, values in batches.items()}


def rows(
    part: FoldPart, features: Mapping[str, Tensor], targets: Sequence[str]
) -> Rows:
    """Return the rows of a part for the training of stage two.

    Args:
        part: with ratings and utterances
        features: embeddings (n, dim), by modality
        targets: names of the ratings
    """
    device = next(iter(features.values())).device
    return Rows(
        features=features,
        truth=part.truth.to(device),
        targets=tuple(targets),
        groups=groups(part.utterances),
    )


def fit_head(
    train: Rows, validation: Rows, *, fusion: str, settings: Settings, seed: int
) -> Fitted:
    """Train the head of stage two behind frozen encoders.

    Args:
        train: embeddings and ratings of the training part
        validation: embeddings and ratings of the validation part
        fusion: name of the design
        settings: of stage two
        seed: of the random weights and batches
    """
    return fit(
        train,
        validation,
        fusion=fusion,
        settings=probe_settings(settings),
        seed=seed,
        where=f"{fusion}, frozen encoders",
    )


def build(
    encoders: Encoders,
    train: Rows,
    head: Fitted | None,
    *,
    fusion: str,
    settings: Settings,
    seed: int,
    head_first: bool,
) -> JointModule:
    """Return the joint module before its training.

    Args:
        encoders: of the modalities of the design
        train: rows whose frozen embeddings set the scale of the projections
        head: as `fit_head` returned it; not needed without `head_first`
        fusion: name of the design
        settings: of stage two
        seed: of the random weights
        head_first: True to begin with `head` instead of random weights (linear probing,
            then fine-tuning: Kumar et al., 2022, arXiv:2202.10054)
    """
    projections = {m: Projection.fitted(x) for m, x in train.features.items()}
    targets = train.truth.shape[1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        system = System(fusion, projections, targets=targets, settings=settings)
    if head_first and head is not None:
        system.load_state_dict(head.module.state_dict())
    return JointModule(encoders, system)
