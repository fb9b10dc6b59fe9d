"""Copies of projected or encoded embeddings, computed before designs are trained."""

from collections.abc import Callable, Hashable, Mapping, Sequence

import torch
from torch import Tensor

from affuse.fuse.inputs.chunks import CACHE_CHUNK_BYTES, spans, take
from affuse.fuse.models.autoencoder import Autoencoder
from affuse.fuse.models.projection import Projection
from affuse.fuse.training.grouped.batches import BatchSource
from affuse.fuse.training.grouped.model_tasks import ModelTask
from affuse.fuse.training.grouped.shared_tensors import TensorCache

COPY_BYTES = 256 << 20  # largest size of the copies of a group, and of the cache
RowIndices = tuple[Tensor, Tensor]  # indices of rows for training and for validation


class CodeCache:
    """Cache of projected and encoded embeddings, computed once for each fold.

    Each tensor has the training rows first, then the validation rows.
    """

    def __init__(self) -> None:
        self._shared = TensorCache(COPY_BYTES)

    def projected(
        self, task: ModelTask, modality: str, projection: Projection
    ) -> Tensor:
        """Return projected embeddings of a task's rows: (rows, size).

        Args:
            task: task
            modality: its name
            projection: of the modality
        """
        return self._shared.get(
            task.projection_key(modality),
            lambda: _apply_in_chunks(projection, task, modality, projection.size),
        )

    def encoded(
        self,
        task: ModelTask,
        modality: str,
        projection: Projection,
        autoencoder: Autoencoder,
    ) -> Tensor:
        """Return codes of a task's rows: (rows, latent).

        Args:
            task: task
            modality: its name
            projection: of the modality
            autoencoder: trained autoencoder
        """

        def encode(embedding: Tensor) -> Tensor:
            """Return the codes of cached embeddings."""
            return autoencoder.encode(projection(embedding))

        return self._shared.get(
            task.autoencoder_key(modality),
            lambda: _apply_in_chunks(encode, task, modality, task.settings.latent),
        )


def copy_size(task: ModelTask, width: int) -> int:
    """Return the number of bytes of a copy of a task's rows.

    Args:
        task: task
        width: number of features
    """
    return 4 * width * (len(task.train) + len(task.validation))


def fits_in_cache(tasks: Sequence[ModelTask], width: int) -> bool:
    """Return True if copies of the rows of all folds fit into `COPY_BYTES` bytes.

    Args:
        tasks: tasks
        width: number of features
    """
    folds = {task.fold for task in tasks}
    return (
        not tasks[0].rows.mapped
        and len(folds) * copy_size(tasks[0], width) <= COPY_BYTES
    )


def build_source(
    tasks: Sequence[ModelTask],
    key: Callable[[ModelTask], Hashable],
    seen: Callable[[ModelTask], Mapping[str, Tensor]],
    labels: Mapping[str, Tensor] | None = None,
) -> tuple[BatchSource, list[RowIndices]]:
    """Return concatenated copies of several folds, and the rows of each task.

    Args:
        tasks: tasks that may share a group
        key: returns a key that is equal for tasks with the same inputs
        seen: returns {modality: (rows, dim)} of a task; called once for each key
        labels: {name: (rows, 1)} of all rows of the tasks
    """
    parts: list[Mapping[str, Tensor]] = []
    chosen: list[Tensor] = []
    begins: dict[Hashable, int] = {}
    places, end = list[RowIndices](), 0
    for task in tasks:
        if key(task) not in begins:
            rows = _rows(task)
            parts.append(seen(task))
            chosen.append(rows)
            begins[key(task)], end = end, end + len(rows)
        train = begins[key(task)] + torch.arange(len(task.train))
        places.append((train, train[-1] + 1 + torch.arange(len(task.validation))))
    features = {name: _concatenate([part[name] for part in parts]) for name in parts[0]}
    rows = _concatenate(chosen)
    parts_of_labels = {name: x[rows] for name, x in (labels or {}).items()}
    return BatchSource(features, tasks[0].rows.truth[rows], parts_of_labels), places


def _rows(task: ModelTask) -> Tensor:
    """Return the indices of a task's rows, on the training device."""
    return torch.cat([task.train, task.validation]).to(task.rows.truth.device)


@torch.no_grad()
def _apply_in_chunks(
    function: Callable[[Tensor], Tensor], task: ModelTask, modality: str, width: int
) -> Tensor:
    """Return a function of a task's rows, computed in chunks: (rows, width)."""
    rows, values = _rows(task), task.rows.features[modality]
    result = values.new_empty(len(rows), width, device=rows.device)
    for span in spans(len(rows), 4 * values.shape[1], CACHE_CHUNK_BYTES):
        result[span] = function(take(values, rows[span]))
    return result


def _concatenate(parts: Sequence[Tensor]) -> Tensor:
    """Return concatenated tensors; a single tensor is not copied."""
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))
