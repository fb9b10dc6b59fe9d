"""The whole table: four designs, five folds, five seeds, from first batch to last."""

import time
from collections.abc import Callable
from dataclasses import replace

import torch

from affuse.data.errors import AffuseError
from affuse.data.system.progress import bar
from affuse.fuse.bench.random_embeddings import EmbeddingSize, rows
from affuse.fuse.training.fitting import fit_all
from affuse.fuse.training.grouped.model_tasks import ModelTask

DESIGNS = ("audio", "text", "early", "late")
FOLDS, SEEDS = 5, 5


def jobs(size: EmbeddingSize, device: str) -> list[ModelTask]:
    """Every fold tests a fifth of the rows, and is validated on the next fifth."""
    made = rows(size, device)
    fold = torch.arange(size.rows) % FOLDS
    return [
        ModelTask(
            made,
            train=torch.nonzero((fold != k) & (fold != (k + 1) % FOLDS)).flatten(),
            validation=torch.nonzero(fold == (k + 1) % FOLDS).flatten(),
            fusion=fusion,
            settings=size.settings,
            seed=size.seed + seed,
            where=f"{fusion}, fold {k}, seed {size.seed + seed}",
        )
        for fusion in DESIGNS
        for k in range(FOLDS)
        for seed in range(SEEDS)
    ]


def run(say: Callable[[str], object], device: str, size: EmbeddingSize) -> None:
    """Train all of it, and say how long that took.

    Raises:
        AffuseError: if a model came to nothing
    """
    wanted = jobs(size, device)
    few = replace(wanted[0], settings=replace(size.settings, epochs=1))
    list(fit_all([few]))  # what a process does but once
    began, epochs, before = time.perf_counter(), 0, dict[object, int]()
    for number, found in bar(
        fit_all(wanted), total=len(wanted), name="table", unit="models", show=True
    ):
        if isinstance(found, AffuseError):
            raise found
        epochs += len(found.history)
        for modality, history in found.pretraining.items():
            before[wanted[number].codec(modality)] = len(history)
    if device == "cuda":
        torch.cuda.synchronize()
    taken = time.perf_counter() - began
    say(
        f"{len(wanted)} models ({', '.join(DESIGNS)}; {FOLDS} folds, {SEEDS} seeds) in "
        f"{taken:.1f} s: {epochs} epochs, and {sum(before.values())} of {len(before)} "
        f"autoencoders before"
    )
