"""Variance between utterances and between raters, and figures that follow from it.

Model: a single rating of an utterance is its true opinion t, which is the mean over all
possible raters, plus a deviation of the rater. Raters are drawn at random and
independently for each utterance (one-way random effects; case 1 of Shrout and Fleiss,
1979, Psychological Bulletin 86:420). So a rater who always rates high counts as
deviation. The variance of the deviations may differ between utterances.

For an utterance with k raters, mean m and standard deviation s, ``s^2 / k`` estimates
the error variance of m without bias. With e, the mean of that over utterances, and V,
the variance of m over utterances, ``V - e`` estimates the variance of t. The
reliability of the mean is ``r = 1 - e / V``. If all utterances have the same number of
raters, this is ICC(1,k) of Shrout and Fleiss, ``(BMS - WMS) / BMS``.

All figures follow from sums over utterances, `TERMS` of them for each rating.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from affuse.data.single_ratings import RaterSummary

LEAST_VARIANCE = 1e-12  # squared rating units; below it, values differ by rounding
# Terms of an utterance: over all, 1, m, m^2, e (0 for one rater), 1 for one rater,
# k - 1, (k - 1) s^2; over utterances with two or more raters, 1, m, m^2, and the
# variances of one rating, of the mean of the others, and minus their covariance.
TERMS = 13


def rater_terms(
    found: Sequence[Mapping[str, RaterSummary]],
    targets: Sequence[str],
    centre: Mapping[str, float],
) -> np.ndarray:
    """Return the terms of utterances, whose sums the other functions take.

    Args:
        found: summaries of each utterance by rating
        targets: names of the ratings
        centre: {rating: number near its mean}; terms of centred values are more precise

    Returns:
        (n, targets, TERMS), float64; 0 where nobody gave the rating
    """
    figures = np.array(
        [
            [_figures(summaries.get(name), centre[name]) for name in targets]
            for summaries in found
        ],
        np.float64,
    ).reshape(len(found), len(targets), 3)
    mean, deviation, raters = np.moveaxis(figures, -1, 0)
    rated, several = raters >= 1, raters >= 2
    k = np.where(several, raters, 2)  # any number that divides
    square = np.where(several, deviation**2, 0)
    terms = (
        *(rated, mean, mean**2),
        *(square / k, raters == 1, np.where(several, k - 1, 0), (k - 1) * square),
        *(several, mean * several, mean**2 * several),
        *((k - 1) * square / k, square / (k * (k - 1)), square / k),
    )
    return np.stack([np.asarray(term, np.float64) for term in terms], axis=-1)


def _figures(summary: RaterSummary | None, centre: float) -> tuple[float, float, float]:
    """Return centred mean, deviation and number of raters; 0 without raters."""
    if summary is None:
        return 0.0, 0.0, 0.0
    return summary.mean - centre, summary.deviation, float(summary.raters)


@dataclass(frozen=True)
class VarianceComponents:
    """Estimated variances in squared rating units; NaN where unknown."""

    between: np.ndarray  # (..., targets) of true opinions, at least 0
    within: np.ndarray  # (..., targets) of single ratings of one utterance
    reliability: np.ndarray  # (..., targets) of the mean of the raters, in [0, 1]


def variance_components(sums: np.ndarray) -> VarianceComponents:
    """Return the components of sets of utterances.

    ``s^2`` of an utterance with a single rater is unknown. It is taken to be the pooled
    variance within, ``sum (k - 1) s^2 / sum (k - 1)``.

    Args:
        sums: (..., targets, TERMS) sums of terms over each set

    Returns:
        components; NaN without an utterance of two raters, or if no mean differs
    """
    n, m, mm, error, single, freedom, squares = np.moveaxis(sums[..., :7], -1, 0)
    within = _divide(squares, freedom)
    noise = _divide(error + single * within, n)
    total = _divide(mm - _divide(m * m, n), n - 1)
    total = np.where(total > LEAST_VARIANCE, total, np.nan)
    between = np.maximum(total - noise, 0)
    return VarianceComponents(between, within, between / total)


def mean_ceiling(reliability: np.ndarray) -> np.ndarray:
    """Return the CCC of the true opinions with the means of the raters.

    With the reliability r of the means it is ``2 r / (1 + r)``: covariance and variance
    of the true opinions are r V, the variance of the means is V, and their means are
    equal. A prediction ``a t + b`` that varies as much as the means has a larger CCC,
    and the largest of all is ``sqrt(r)``.

    Args:
        reliability: of the means, in [0, 1]

    Returns:
        CCC in [0, 1]
    """
    return np.asarray(2 * reliability / (1 + reliability))


def one_rater_ccc(sums: np.ndarray) -> np.ndarray:
    """Return the CCC of one rater with the mean of the other raters.

    Raters are anonymous. So the moments of the CCC are their expectations if one rater
    of each utterance is drawn at random: every utterance with two or more raters has
    the same weight, and so have its raters. For k raters with mean m and standard
    deviation s, the mean of the others deviates from m by ``-1 / (k - 1)`` times the
    deviation of the rater. This gives the variances
    ``var(m) + mean((k - 1) s^2 / k)`` of the rater and
    ``var(m) + mean(s^2 / (k (k - 1)))`` of the others, and the covariance
    ``var(m) - mean(s^2 / k)``. Both have the same mean.

    Args:
        sums: (..., targets, TERMS) sums of terms over each set of utterances

    Returns:
        (..., targets) CCC in [-1, 1]; NaN without utterances of two raters, or if no
        rating differs
    """
    n, m, mm, one, others, shared = np.moveaxis(sums[..., 7:], -1, 0)
    mean = _divide(m, n)
    variance = _divide(mm, n) - mean * mean
    spread = 2 * variance + _divide(one + others, n)
    spread = np.where(spread > LEAST_VARIANCE, spread, np.nan)
    return np.asarray(2 * (variance - _divide(shared, n)) / spread)


def _divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return a / b, or NaN where b is not above 0."""
    quotient = np.full(np.broadcast_shapes(a.shape, b.shape), np.nan)
    np.divide(a, b, out=quotient, where=b > 0)
    return quotient
