"""Training time of a complete table: four designs, five folds and five seeds."""

import time
from collections.abc import Callable
from dataclasses import replace

import torch

from affuse.data.errors import AffuseError
from affuse.data.system.progress import bar
from affuse.fuse.bench.random_embeddings import BenchmarkSize, random_rows
from affuse.fuse.training.fitting import fit_all
from affuse.fuse.training.grouped.model_tasks import ModelTask

DESIGNS = ("audio", "text", "early", "late")
FOLDS, SEEDS = 5, 5


def table_tasks(size: BenchmarkSize, device: str) -> list[ModelTask]:
    """Return the tasks of all designs, folds and seeds.

    A fold tests a fifth of the rows and is validated on the next fifth.

    Args:
        size: of the benchmark
        device: of the tensors
    """
    embeddings = random_rows(size, device)
    fold = torch.arange(size.rows) % FOLDS
    return [
        ModelTask(
            embeddings,
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


def run(say: Callable[[str], object], device: str, size: BenchmarkSize) -> None:
    """Train all models of a table and print the time.

    Args:
        say: prints a line
        device: "cpu" or "cuda"
        size: of the benchmark

    Raises:
        AffuseError: if the training of a model fails
    """
    tasks = table_tasks(size, device)
    few = replace(tasks[0], settings=replace(size.settings, epochs=1))
    list(fit_all([few]))  # Warm up: a process initialises its libraries once.
    began, epochs, pretrained = time.perf_counter(), 0, dict[object, int]()
    for number, result in bar(
        fit_all(tasks), total=len(tasks), name="table", unit="models", show=True
    ):
        if isinstance(result, AffuseError):
            raise result
        epochs += len(result.history)
        for modality, history in result.pretraining.items():
            pretrained[tasks[number].autoencoder_key(modality)] = len(history)
    if device == "cuda":
        torch.cuda.synchronize()
    seconds = time.perf_counter() - began
    say(
        f"{len(tasks)} models ({', '.join(DESIGNS)}; {FOLDS} folds, {SEEDS} seeds) in "
        f"{seconds:.1f} s: {epochs} epochs, and {sum(pretrained.values())} epochs of "
        f"{len(pretrained)} autoencoders before"
    )
