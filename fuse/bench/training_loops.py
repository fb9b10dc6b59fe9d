"""Ordinary training loops for comparison, which train one model after another.

Both follow the training scripts of the field: a data set yields one utterance at a
time, a `DataLoader` collates batches, and dropout and AdamW are those of PyTorch.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, TensorDataset

from affuse.fuse import losses
from affuse.fuse.inputs.tensors import Rows
from affuse.fuse.models.projection import Projection
from affuse.fuse.models.system import System
from affuse.fuse.settings import Settings
from affuse.fuse.training.grouped.loop import torch_seed
from affuse.fuse.training.grouped.model_tasks import ModelTask

Loss = Callable[[Mapping[str, Tensor], Tensor], Tensor]  # of features and ratings
Batch = Sequence[Tensor]  # features of each modality in order, then ratings


class UtteranceDataset(Dataset[Batch]):
    """Data set that reads an HDF5 data set for each utterance and modality."""

    def __init__(self, path: Path, modalities: Sequence[str], count: int):
        self.file = h5py.File(path)
        self.names, self.count = (*modalities, "truth"), count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, row: int) -> list[Tensor]:
        return [torch.from_numpy(self.file[n][str(row)][()]) for n in self.names]


def write(path: Path, features: Mapping[str, np.ndarray], truth: np.ndarray) -> None:
    """Write the file that `UtteranceDataset` reads.

    Args:
        path: of the file
        features: {modality: (n, dim)}
        truth: (n, targets)
    """
    with h5py.File(path, "w") as file:
        for name, values in {**features, "truth": truth}.items():
            group = file.create_group(name)
            for row, value in enumerate(values):
                group[str(row)] = value


class StandardisedModel:
    """Standardised training and validation rows of a task, and empty projections.

    Rows are standardised before the measurement.
    """

    def __init__(self, task: ModelTask):
        self.task = task
        taken = {m: task.rows.features[m] for m in task.modalities}
        projections = {m: Projection.fitted(x[task.train]) for m, x in taken.items()}
        with torch.no_grad():
            values = {m: projections[m](x) for m, x in taken.items()}
        self.blank = {m: Projection(x.shape[1]) for m, x in taken.items()}
        self.train, self.validation = (
            Rows({m: x[rows] for m, x in values.items()}, task.rows.truth[rows])
            for rows in (task.train, task.validation)
        )

    def tensors(self) -> Dataset[Batch]:
        """Return a data set of the training rows in memory."""
        rows = self.train
        return TensorDataset(
            *(x.cpu() for x in rows.features.values()), rows.truth.cpu()
        )

    def files(self, folder: Path) -> Dataset[Batch]:
        """Return a data set that reads the training rows from a file in a folder."""
        path = folder / "utterances.h5"
        features = {m: x.cpu().numpy() for m, x in self.train.features.items()}
        write(path, features, self.train.truth.cpu().numpy())
        return UtteranceDataset(path, list(features), len(self.train.truth))


def train(
    rows: Dataset[Batch], standard: StandardisedModel, tasks: Sequence[ModelTask]
) -> None:
    """Train tasks one after another, each for its full number of epochs.

    Args:
        rows: training rows
        standard: the same rows with those of validation
        tasks: tasks to train
    """
    for task in tasks:
        settings, device = task.settings, task.rows.truth.device
        with torch_seed(task.seed, device):
            system = System(
                task.fusion,
                standard.blank,
                targets=task.rows.truth.shape[1],
                settings=settings,
            ).to(device)
            loader = DataLoader(rows, batch_size=settings.batch, shuffle=True)
            _train_one(system, loader, standard, settings)


def _train_one(
    system: System,
    loader: Iterable[Batch],
    standard: StandardisedModel,
    settings: Settings,
) -> None:
    """Train the autoencoders jointly with the design, or before it."""
    phases = objectives(system, settings)
    parts = [system.autoencoders, system.fusion] if len(phases) == 2 else [system]
    for loss, part in zip(phases, parts, strict=True):
        parameters = list(part.parameters())
        _train_epochs(system, loader, standard, loss, settings, parameters)


def objectives(system: System, settings: Settings) -> list[Loss]:
    """Return the loss of each training phase.

    Args:
        system: model to train
        settings: of the training
    """
    objective = losses.loss(settings.loss, mix=settings.mix)

    def reconstruction(
        seen: Mapping[str, Tensor], codes: Mapping[str, Tensor]
    ) -> Tensor:
        decoded = system.decode(codes)
        parts = [losses.reconstruction(x, seen[m]) for m, x in decoded.items()]
        return torch.stack(parts).sum()

    def restoring(seen: Mapping[str, Tensor], truth: Tensor) -> Tensor:
        return reconstruction(seen, system.encode(seen))

    def rating(seen: Mapping[str, Tensor], truth: Tensor) -> Tensor:
        with torch.no_grad():
            codes = system.eval().encode(seen)
        return objective(system.train().fusion(codes), truth, None)

    def both(seen: Mapping[str, Tensor], truth: Tensor) -> Tensor:
        codes = system.encode(seen)
        error = objective(system.fusion(codes), truth, None)
        if not system.autoencoders:
            return error
        return error + settings.reconstruction * reconstruction(seen, codes)

    return [restoring, rating] if settings.training == "pretrain" else [both]


def _train_epochs(
    system: System,
    loader: Iterable[Batch],
    standard: StandardisedModel,
    loss: Loss,
    settings: Settings,
    parameters: list[torch.nn.Parameter],
) -> None:
    """Train for all epochs, with a validation after each."""
    device = standard.train.truth.device
    optimizer = torch.optim.AdamW(
        parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    for _ in range(settings.epochs):
        system.train()
        for *features, truth in loader:
            seen = {
                m: x.to(device)
                for m, x in zip(standard.train.features, features, strict=True)
            }
            optimizer.zero_grad()
            loss(seen, truth.to(device)).backward()
            optimizer.step()
        system.eval()
        with torch.no_grad():
            unseen = standard.validation
            predicted = system.fusion(system.encode(unseen.features))
            losses.ccc_loss(predicted, unseen.truth).item()
