"""Embeddings and jobs that are made up, to measure with."""

from dataclasses import dataclass, replace

import torch

from affuse.fuse.inputs.tensors import Rows
from affuse.fuse.settings import Settings, change
from affuse.fuse.training.grouped.model_tasks import ModelTask

MODALITIES = ("audio", "text")
TARGETS = 3
FEW = 1000  # utterances to warm up with


@dataclass(frozen=True)
class EmbeddingSize:
    """What is trained on what."""

    rows: int
    dims: tuple[int, int]  # of audio and text
    models: int
    fusion: str
    settings: Settings
    seed: int


def small(size: EmbeddingSize) -> EmbeddingSize:
    """The same for a model that is trained at once."""
    epoch = {name: 1 for name in ("epochs", "patience", "pretrain_epochs")}
    settings = change(size.settings, epoch)
    return replace(size, rows=min(size.rows, FEW), models=1, settings=settings)


def rows(size: EmbeddingSize, device: str) -> Rows:
    """Features that follow from the ratings, and three times as much noise."""
    generator = torch.Generator().manual_seed(size.seed)
    truth = torch.rand(size.rows, TARGETS, generator=generator) * 2 - 1
    features = {}
    for modality, dim in zip(MODALITIES, size.dims, strict=True):
        mixing = torch.randn(TARGETS, dim, generator=generator)
        noise = torch.randn(size.rows, dim, generator=generator)
        features[modality] = (truth @ mixing + 3 * noise).to(device)
    return Rows(features, truth.to(device))


def jobs(size: EmbeddingSize, device: str) -> list[ModelTask]:
    """Models that differ in their seed; four fifths of the rows are trained on."""
    generator = torch.Generator().manual_seed(size.seed)
    order = torch.randperm(size.rows, generator=generator)
    train, validation = order.tensor_split([size.rows * 4 // 5])
    made = rows(size, device)
    return [
        ModelTask(
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
