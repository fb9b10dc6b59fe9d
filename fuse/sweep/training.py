"""The one place where a sweep trains."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fuse.fit import fit
from fuse.settings import Settings
from fuse.tensors import Rows

Result = tuple[float, ...] | ValueError  # CCC of each rating, or why there is none


@dataclass(frozen=True)
class Job:
    """One model to be trained, as `fuse.fit.fit` takes it."""

    train: Rows
    validation: Rows
    fusion: str
    settings: Settings
    seed: int
    where: str


def fit_all(jobs: Sequence[Job]) -> Iterator[tuple[int, Result]]:
    """Validation CCC of each rating at the epoch that was kept.

    Yields:
        number of a job and its scores, in any order; in place of scores the error of a
        job that failed, because a learning rate at which the loss diverges is a finding
        of the search, and no reason to end it
    """
    for number, job in enumerate(jobs):
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
            yield number, error
        else:
            yield number, max(fitted.history, key=lambda epoch: epoch.score).scores
