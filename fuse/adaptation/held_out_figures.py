"""Figures of an adaptation on held-out clips: CCC and RMSE before and after it."""

from dataclasses import dataclass

import numpy as np

from affuse.fuse.adaptation.clip_inputs import ClipGroups
from affuse.fuse.scoring.cluster_resampling import FoldMoments
from affuse.fuse.scoring.intervals import (
    Interval,
    bias,
    cluster_variance,
    combine,
    difference,
    interval,
    jackknife,
)
from affuse.fuse.scoring.metrics import ccc, rmse

LEVEL = 0.9  # of the intervals; about 5 % of useless adaptations at most are kept


@dataclass(frozen=True)
class HeldOutFigures:
    """CCC of held-out clips before and after an adaptation, for one rating."""

    clips: int
    groups: int
    unit: str  # of the groups, "speaker" or "clip"
    before: Interval  # CCC of the model's predictions
    after: Interval  # CCC of the adapted predictions
    improvement: Interval  # after minus before, paired
    rmse_before: float  # on [-1, 1]
    rmse_after: float

    @property
    def helps(self) -> bool:
        """True if the CCC is higher and the interval of the improvement excludes 0."""
        return self.improvement.low > 0  # False for NaN


def measure(
    truth: np.ndarray, before: np.ndarray, after: np.ndarray, groups: ClipGroups
) -> HeldOutFigures:
    """Return the figures of one rating.

    Intervals are those of `affuse.fuse.scoring.intervals`: a jackknife over groups,
    paired for the improvement.

    Args:
        truth: (n,) ratings
        before: (n,) predictions of the model
        after: (n,) adapted predictions, by adaptations without the clip's group
        groups: of the clips
    """
    return HeldOutFigures(
        clips=len(truth),
        groups=groups.count,
        unit=groups.unit,
        before=_estimate(_moments(truth, before, groups)),
        after=_estimate(_moments(truth, after, groups)),
        improvement=improve(truth, before, after, groups, level=LEVEL),
        rmse_before=rmse(truth, before),
        rmse_after=rmse(truth, after),
    )


def improve(
    truth: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    groups: ClipGroups,
    *,
    level: float,
) -> Interval:
    """Return the CCC of `after` minus that of `before`, with a paired interval.

    Args:
        truth: (n,) ratings
        before: (n,) predictions
        after: (n,) other predictions of the same clips
        groups: of the clips
        level: share of such intervals that must contain the true difference
    """
    old, new = (_moments(truth, each, groups) for each in (before, after))
    variance, freedom = combine(cluster_variance([difference(new, old)]))
    value = ccc(truth, after) - ccc(truth, before)
    return interval(value, float(variance[0]), float(freedom[0]), level, bounded=False)


def _moments(
    truth: np.ndarray, predicted: np.ndarray, groups: ClipGroups
) -> FoldMoments:
    """Return the predictions as one fold with one seed."""
    return FoldMoments(
        name="",
        ids=np.arange(len(truth)),
        clusters=groups.numbers,
        truth=truth[:, None],
        predicted=predicted[None, :, None],
        seeds=np.zeros(1, int),
    )


def _estimate(fold: FoldMoments) -> Interval:
    """Return the CCC of one fold with its interval."""
    replicates = jackknife(fold)
    variance, freedom = combine(cluster_variance([replicates]))
    value = ccc(fold.truth[:, 0], fold.predicted[0, :, 0])
    error = float(variance[0] + bias(replicates)[0] ** 2)
    return interval(value, error, float(freedom[0]), LEVEL, bounded=True)
