"""Synthetic embeddings and training tasks for benchmarks."""

from dataclasses import dataclass, replace

import torch

from affuse.fuse.inputs.tensors import Rows
from affuse.fuse.settings import Settings, change
from affuse.fuse.training.grouped.model_tasks import ModelTask

MODALITIES = ("audio", "text")
TARGETS = 3
WARM_UP_ROWS = 1000  # largest number of utterances in the warm-up


@dataclass(frozen=True)
class BenchmarkSize:
    """Sizes of a benchmark: rows, dimensions, number of models and their settings."""

    rows: int
    dims: tuple[int, int]  # dimensions of the audio and text embeddings
    models: int
    fusion: str
    settings: Settings
    seed: int


def warm_up_size(size: BenchmarkSize) -> BenchmarkSize:
    """Return a reduced size for the warm-up: one model, one epoch, few rows.

    Args:
        size: of the benchmark
    """
    epoch = {name: 1 for name in ("epochs", "patience", "pretrain_epochs")}
    settings = change(size.settings, epoch)
    return replace(size, rows=min(size.rows, WARM_UP_ROWS), models=1, settings=settings)


def random_rows(size: BenchmarkSize, device: str) -> Rows:
    """Return random ratings and features: a linear map of them plus noise.

    The noise has a standard deviation of 3.

    Args:
        size: of the benchmark
        device: of the tensors
    """
    generator = torch.Generator().manual_seed(size.seed)
    truth = torch.rand(size.rows, TARGETS, generator=generator) * 2 - 1
    features = {}
    for modality, dim in zip(MODALITIES, size.dims, strict=True):
        mixing = torch.randn(TARGETS, dim, generator=generator)
        noise = torch.randn(size.rows, dim, generator=generator)
        features[modality] = (truth @ mixing + 3 * noise).to(device)
    return Rows(features, truth.to(device))


def random_tasks(size: BenchmarkSize, device: str) -> list[ModelTask]:
    """Return tasks that differ only in their seed and train on 4/5 of the rows.

    Args:
        size: of the benchmark
        device: of the tensors
    """
    generator = torch.Generator().manual_seed(size.seed)
    order = torch.randperm(size.rows, generator=generator)
    train, validation = order.tensor_split([size.rows * 4 // 5])
    embeddings = random_rows(size, device)
    return [
        ModelTask(
            embeddings,
            train.sort().values,
            validation.sort().values,
            fusion=size.fusion,
            settings=size.settings,
            seed=size.seed + number,
            where=f"model {number}",
        )
        for number in range(size.models)
    ]
