"""Embeddings and jobs that are made up, to measure with."""

from dataclasses import dataclass, replace

import torch

from fuse.fit import Job
from fuse.settings import Settings, change
from fuse.tensors import Rows

MODALITIES = ("audio", "text")
TARGETS = 3
FEW = 1000  # utterances to warm up with


@dataclass(frozen=True)
class Size:
    """What is trained on what."""

    rows: int
    dims: tuple[int, int]  # of audio and text
    models: int
    fusion: str
    settings: Settings
    seed: int


def small(size: Size) -> Size:
    """The same for a model that is trained at once."""
    epoch = {name: 1 for name in ("epochs", "patience", "pretrain_epochs")}
    settings = change(size.settings, epoch)
    return replace(size, rows=min(size.rows, FEW), models=1, settings=settings)


def rows(size: Size, device: str) -> Rows:
    """Features that follow from the ratings, and three times as much noise."""
    generator = torch.Generator().manual_seed(size.seed)
    truth = torch.rand(size.rows, TARGETS, generator=generator) * 2 - 1
    features = {}
    for modality, dim in zip(MODALITIES, size.dims, strict=True):
        mixing = torch.randn(TARGETS, dim, generator=generator)
        noise = torch.randn(size.rows, dim, generator=generator)
        features[modality] = (truth @ mixing + 3 * noise).to(device)
    return Rows(features, truth.to(device))


def jobs(size: Size, device: str) -> list[Job]:
    """Models that differ in their seed; four fifths of the rows are trained on."""
    generator = torch.Generator().manual_seed(size.seed)
    order = torch.randperm(size.rows, generator=generator)
    train, validation = order.tensor_split([size.rows * 4 // 5])
    made = rows(size, device)
    return [
        Job(
            made,
            train.sort().values,
            validation.sort().values,
            fusion=size.fusion,
            settings=size.settings,
            seed=size.seed + number,
            where=f"model {number}",
        )
        for number in range(size.models)
    ]
