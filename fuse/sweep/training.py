"""The one place where a sweep trains."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fuse.fit import fit
from fuse.settings import Settings
from fuse.tensors import Rows

TOGETHER = 1  # trials that are handed over at once; an interruption costs these


@dataclass(frozen=True)
class Job:
    """One model to be trained, as `fuse.fit.fit` takes it."""

    train: Rows
    validation: Rows
    fusion: str
    settings: Settings
    seed: int
    where: str


def fit_all(jobs: Sequence[Job]) -> Iterator[tuple[float, ...] | ValueError]:
    """Validation CCC of each rating at the epoch that was kept, in the order of jobs.

    Yields:
        the error of a job that failed in place of its scores: a learning rate at which
        the loss diverges is a finding of the search, and no reason to end it
    """
    for job in jobs:
        try:
            fitted = fit(
                job.train,
                job.validation,
                fusion=job.fusion,
                settings=job.settings,
                seed=job.seed,
                where=job.where,
            )
        except ValueError as error:
            yield error
        else:
            yield max(fitted.history, key=lambda epoch: epoch.score).scores
