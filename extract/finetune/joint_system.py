"""Encoders and stage two's system as one module."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from torch import Tensor, nn

from affuse.extract.finetune.backbone import Encoders
from affuse.extract.finetune.fold_inputs import FoldPart, collate, together
from affuse.extract.finetune.tuning_settings import probe
from affuse.extract.finetune.weight_averaging import Averages
from affuse.fuse.inputs.tensors import Rows, groups
from affuse.fuse.losses import reconstruction
from affuse.fuse.models.fitted import Fitted
from affuse.fuse.models.projection import Projection
from affuse.fuse.models.system import System
from affuse.fuse.settings import Settings
from affuse.fuse.training.fitting import fit


class Tuned(nn.Module):
    """Model inputs to ratings.

    Args:
        encoders: of the modalities that the system takes
        system: projections, autoencoders and design
    """

    def __init__(self, encoders: Encoders, system: System):
        super().__init__()
        self.encoders = encoders
        self.system = system
        self.averages: Averages | None = None  # of its weights, if these are kept

    def forward(
        self, inputs: Mapping[str, Mapping[str, Tensor]]
    ) -> tuple[Tensor, Tensor]:
        """{modality: as `Backbone.collate`} -> (n, targets), and equation 7

        What is to be restored counts as given: else the encoders could lower that loss
        by embeddings that are easy to restore, because they say little.
        """
        projected = self.system.project(self.encoders(inputs))
        codes = self.system.encode(projected)
        lost = next(iter(projected.values())).new_zeros(())
        for modality, decoded in self.system.decode(codes).items():
            lost = lost + reconstruction(decoded, projected[modality].detach())
        return self.system.fusion(codes), lost

    def scored(self) -> AbstractContextManager[None]:
        """It has the weights that are scored and kept, until the end of the block."""
        return self.averages.shown() if self.averages else nullcontext()


@torch.no_grad()
def embed(
    encoders: Encoders, part: FoldPart, *, size: int, device: str
) -> dict[str, Tensor]:
    """Embeddings of all utterances: {modality: (n, dim)}, float32.

    Args:
        size: utterances at once
    """
    encoders.eval()
    found: dict[str, list[Tensor]] = {m: [] for m in encoders.backbones}
    order = together(part, range(len(part)), encoders.backbones, size=size)
    for rows in order:
        made = encoders(collate(part, rows, encoders.backbones, device))
        for modality, values in made.items():
            found[modality].append(values)
    back = torch.from_numpy(np.argsort(np.concatenate(order)))
    return {m: torch.cat(values)[back.to(device)] for m, values in found.items()}


def rows(
    part: FoldPart, features: Mapping[str, Tensor], targets: Sequence[str]
) -> Rows:
    """The rows of a part, as stage two trains on them."""
    device = next(iter(features.values())).device
    return Rows(
        features=features,
        truth=part.truth.to(device),
        targets=tuple(targets),
        groups=groups(part.utterances),
    )


def behind(
    train: Rows, validation: Rows, *, fusion: str, settings: Settings, seed: int
) -> Fitted:
    """The head that stage two trains behind the frozen encoders."""
    return fit(
        train,
        validation,
        fusion=fusion,
        settings=probe(settings),
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
) -> Tuned:
    """The module to train.

    Args:
        train: rows whose frozen embeddings fix the projections to unit scale
        head: as `behind` gave it; not needed without `head_first`
        head_first: begin with it (linear probing, then fine-tuning: Kumar et al., 2022,
            arXiv:2202.10054), not with random weights
    """
    projections = {m: Projection.fitted(x) for m, x in train.features.items()}
    targets = train.truth.shape[1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        system = System(fusion, projections, targets=targets, settings=settings)
    if head_first and head is not None:
        system.load_state_dict(head.module.state_dict())
    return Tuned(encoders, system)
