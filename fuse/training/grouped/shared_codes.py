"""Embeddings that are projected or encoded before a design is trained on them."""

from collections.abc import Callable, Hashable, Mapping, Sequence

import torch
from torch import Tensor

from affuse.fuse.inputs.chunks import CACHED, spans, take
from affuse.fuse.models.autoencoder import Autoencoder
from affuse.fuse.models.projection import Projection
from affuse.fuse.training.grouped.batches import BatchSource
from affuse.fuse.training.grouped.model_tasks import ModelTask
from affuse.fuse.training.grouped.shared_tensors import Shared

COPIES = 256 << 20  # bytes of what is projected or encoded, of a stack and kept for all
Places = tuple[Tensor, Tensor]  # numbers of rows: to train on, to validate on


class Copies:
    """What the rows of a fold become, once for all models that see them.

    Each tensor has the rows to train on, then those to validate on.
    """

    def __init__(self) -> None:
        self._shared = Shared(COPIES)

    def projected(
        self, job: ModelTask, modality: str, projection: Projection
    ) -> Tensor:
        """(rows, size)"""
        return self._shared.get(
            job.projection(modality),
            lambda: _through(projection, job, modality, projection.size),
        )

    def encoded(
        self, job: ModelTask, modality: str, projection: Projection, codec: Autoencoder
    ) -> Tensor:
        """(rows, latent), by an autoencoder that is trained"""

        def encode(embedding: Tensor) -> Tensor:
            return codec.encode(projection(embedding))

        return self._shared.get(
            job.codec(modality),
            lambda: _through(encode, job, modality, job.settings.latent),
        )


def size(job: ModelTask, width: int) -> int:
    """Bytes of a copy of all that a job sees, with so many features."""
    return 4 * width * (len(job.train) + len(job.validation))


def room(jobs: Sequence[ModelTask], width: int) -> bool:
    """Whether there is room for copies of so many features, one a fold."""
    folds = {job.fold for job in jobs}
    return not jobs[0].rows.mapped and len(folds) * size(jobs[0], width) <= COPIES


def source(
    jobs: Sequence[ModelTask],
    key: Callable[[ModelTask], Hashable],
    seen: Callable[[ModelTask], Mapping[str, Tensor]],
) -> tuple[BatchSource, list[Places]]:
    """Copies of several folds one below the other, and whose rows are where.

    Args:
        jobs: that may stand on one stack
        key: equal for jobs that see the same
        seen: by a job, {modality: (rows, dim)}; asked once for each key
    """
    parts: list[Mapping[str, Tensor]] = []
    truth: list[Tensor] = []
    begins: dict[Hashable, int] = {}
    places, end = list[Places](), 0
    for job in jobs:
        if key(job) not in begins:
            rows = _rows(job)
            parts.append(seen(job))
            truth.append(job.rows.truth[rows])
            begins[key(job)], end = end, end + len(rows)
        train = begins[key(job)] + torch.arange(len(job.train))
        places.append((train, train[-1] + 1 + torch.arange(len(job.validation))))
    features = {name: _joined([part[name] for part in parts]) for name in parts[0]}
    return BatchSource(features, _joined(truth)), places


def _rows(job: ModelTask) -> Tensor:
    """Numbers of all rows that a job sees, on the device that trains."""
    return torch.cat([job.train, job.validation]).to(job.rows.truth.device)


@torch.no_grad()
def _through(
    function: Callable[[Tensor], Tensor], job: ModelTask, modality: str, width: int
) -> Tensor:
    """What a function of each row alone makes of the rows of a job: (rows, width)"""
    rows, values = _rows(job), job.rows.features[modality]
    found = values.new_empty(len(rows), width, device=rows.device)
    for span in spans(len(rows), 4 * values.shape[1], CACHED):
        found[span] = function(take(values, rows[span]))
    return found


def _joined(parts: Sequence[Tensor]) -> Tensor:
    """One below the other; what is alone is not copied."""
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))
