"""Copies of projected or encoded embeddings, computed before designs are trained."""

from collections.abc import Callable, Hashable, Mapping, Sequence

import torch
from torch import Tensor

from affuse.fuse.inputs.chunks import CACHED, spans, take
from affuse.fuse.models.autoencoder import Autoencoder
from affuse.fuse.models.projection import Projection
from affuse.fuse.training.grouped.batches import BatchSource
from affuse.fuse.training.grouped.model_tasks import ModelTask
from affuse.fuse.training.grouped.shared_tensors import Shared

COPIES = 256 << 20  # largest number of bytes of copies, of a group and in the cache
Places = tuple[Tensor, Tensor]  # indices of rows for training and for validation


class Copies:
    """Cache of projected and encoded embeddings, computed once for each fold.

    Each tensor has the training rows first, then the validation rows.
    """

    def __init__(self) -> None:
        self._shared = Shared(COPIES)

    def projected(
        self, job: ModelTask, modality: str, projection: Projection
    ) -> Tensor:
        """Return projected embeddings of a task's rows: (rows, size).

        Args:
            job: task
            modality: its name
            projection: of the modality
        """
        return self._shared.get(
            job.projection(modality),
            lambda: _through(projection, job, modality, projection.size),
        )

    def encoded(
        self, job: ModelTask, modality: str, projection: Projection, codec: Autoencoder
    ) -> Tensor:
        """Return codes of a task's rows: (rows, latent).

        Args:
            job: task
            modality: its name
            projection: of the modality
            codec: trained autoencoder
        """

        def encode(embedding: Tensor) -> Tensor:
            """Return the codes of cached embeddings."""
            return codec.encode(projection(embedding))

        return self._shared.get(
            job.codec(modality),
            lambda: _through(encode, job, modality, job.settings.latent),
        )


def size(job: ModelTask, width: int) -> int:
    """Return the number of bytes of a copy of a task's rows.

    Args:
        job: task
        width: number of features
    """
    return 4 * width * (len(job.train) + len(job.validation))


def room(jobs: Sequence[ModelTask], width: int) -> bool:
    """Return True if copies of all folds' rows fit into `COPIES` bytes.

    Args:
        jobs: tasks
        width: number of features
    """
    folds = {job.fold for job in jobs}
    return not jobs[0].rows.mapped and len(folds) * size(jobs[0], width) <= COPIES


def source(
    jobs: Sequence[ModelTask],
    key: Callable[[ModelTask], Hashable],
    seen: Callable[[ModelTask], Mapping[str, Tensor]],
    labels: Mapping[str, Tensor] | None = None,
) -> tuple[BatchSource, list[Places]]:
    """Return concatenated copies of several folds, and the rows of each task.

    Args:
        jobs: tasks that may share a group
        key: returns a key that is equal for tasks with the same inputs
        seen: returns {modality: (rows, dim)} of a task; called once for each key
        labels: {name: (rows, 1)} of all rows of the tasks
    """
    parts: list[Mapping[str, Tensor]] = []
    chosen: list[Tensor] = []
    begins: dict[Hashable, int] = {}
    places, end = list[Places](), 0
    for job in jobs:
        if key(job) not in begins:
            rows = _rows(job)
            parts.append(seen(job))
            chosen.append(rows)
            begins[key(job)], end = end, end + len(rows)
        train = begins[key(job)] + torch.arange(len(job.train))
        places.append((train, train[-1] + 1 + torch.arange(len(job.validation))))
    features = {name: _joined([part[name] for part in parts]) for name in parts[0]}
    rows = _joined(chosen)
    parts_of_labels = {name: x[rows] for name, x in (labels or {}).items()}
    return BatchSource(features, jobs[0].rows.truth[rows], parts_of_labels), places


def _rows(job: ModelTask) -> Tensor:
    """Return the indices of a task's rows, on the training device."""
    return torch.cat([job.train, job.validation]).to(job.rows.truth.device)


@torch.no_grad()
def _through(
    function: Callable[[Tensor], Tensor], job: ModelTask, modality: str, width: int
) -> Tensor:
    """Return a function of a task's rows, computed in chunks: (rows, width)."""
    rows, values = _rows(job), job.rows.features[modality]
    result = values.new_empty(len(rows), width, device=rows.device)
    for span in spans(len(rows), 4 * values.shape[1], CACHED):
        result[span] = function(take(values, rows[span]))
    return result


def _joined(parts: Sequence[Tensor]) -> Tensor:
    """Return concatenated tensors; a single tensor is not copied."""
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))
