"""Embeddings that are projected or encoded before a design is trained on them."""

from collections.abc import Hashable, Sequence

import torch
from torch import Tensor

from fuse.group.batches import Source, Task
from fuse.group.jobs import Job
from fuse.group.phases import Projected, Regression
from fuse.model import System
from fuse.pieces import CACHED, spans, take


def tasks(jobs: Sequence[Job], systems: Sequence[System]) -> tuple[Source, list[Task]]:
    """Designs alone, and what they see: the codes of the rows that they need.

    Models of one fold with equal autoencoders, or none, see the same codes.

    Args:
        jobs: that may stand on one stack
        systems: of each, with projections and autoencoders that are fitted
    """
    codes: list[dict[str, Tensor]] = []
    truth: list[Tensor] = []
    begins: dict[Hashable, int] = {}
    found, end = [], 0
    for job, system in zip(jobs, systems, strict=True):
        key = job.fold, tuple(job.codec(m) for m in job.codecs)
        if key not in begins:
            rows = torch.cat([job.train, job.validation]).to(job.rows.truth.device)
            codes.append(_encoded(job, system, rows))
            truth.append(job.rows.truth[rows])
            begins[key], end = end, end + len(rows)
        module = Regression(system.fusion) if job.codecs else Projected(system)
        train = begins[key] + torch.arange(len(job.train))
        validation = begins[key] + len(train) + torch.arange(len(job.validation))
        found.append(job.task(module, train=train, validation=validation))
    features = {m: _joined([each[m] for each in codes]) for m in jobs[0].modalities}
    return Source(features, _joined(truth)), found


@torch.no_grad()
def _encoded(job: Job, system: System, rows: Tensor) -> dict[str, Tensor]:
    """{modality: (rows, size)}, what the design sees of these rows."""
    system.eval()
    found: dict[str, Tensor] = {}
    for span in spans(len(rows), 4 * sum(job.dims), CACHED):
        features = {m: take(job.rows.features[m], rows[span]) for m in job.modalities}
        projected = system.project(features)
        # of a PCA, training hides some features anew each time
        for m, x in (system.encode(projected) if job.codecs else projected).items():
            found.setdefault(m, x.new_empty(len(rows), x.shape[1]))[span] = x
    return found


def _joined(parts: Sequence[Tensor]) -> Tensor:
    """One below the other; what is alone is not copied."""
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))
