"""Split conformal prediction: width of intervals from errors on validation parts.

If a new utterance and those of the validation part are exchangeable, its interval
contains its rating with at least the probability `level` (Vovk, Gammerman and Shafer,
2005; Lei et al., 2018, JASA 113:1094). Utterances of one speaker resemble each other,
so utterances of a new speaker are not exchangeable with them. If there are enough
speakers, exchangeability is assumed between speakers instead. The guarantee is then for
an utterance of a new speaker.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ROUNDING = 1e-9  # tolerance for rounding errors in float64 sums of shares


@dataclass(frozen=True)
class Width:
    """Half the width of an interval: ``quantile * (floor + weight * spread)``."""

    quantile: float
    floor: float  # 1 if the width does not depend on the spread over seeds
    weight: float  # 1 if intervals are wider for a larger spread, else 0

    def __call__(self, spread: np.ndarray) -> np.ndarray:
        """Return (n,) half widths for (n,) standard deviations over seeds."""
        return self.quantile * (self.floor + self.weight * spread)


def least_count(level: float) -> int:
    """Return the least number of utterances, or speakers, for a finite interval.

    Args:
        level: between 0 and 1

    Examples:
        >>> least_count(0.9), least_count(0.95)
        (9, 19)
    """
    return math.ceil(level / (1 - level) - ROUNDING)


def quantile(scores: np.ndarray, groups: np.ndarray, level: float) -> float:
    """Return an upper bound that holds for a new utterance with probability `level`.

    The utterance is of a new group. The bound is a quantile of the scores, in which
    each of K groups weighs 1 / (K + 1), divided among its utterances, and the remaining
    1 / (K + 1) is at infinity. This is hierarchical conformal prediction (Lee, Barber
    and Willett, 2023). Without the infinity it is "pooling CDFs" of Dunn, Wasserman and
    Ramdas (2023, JASA 118:2491). If every utterance forms a group alone, it is the
    ceil((n + 1) level)-th smallest score: split conformal prediction.

    Args:
        scores: (n,) such as absolute errors
        groups: (n,) group of each score, numbered from 0 without a gap
        level: probability, between 0 and 1

    Returns:
        the bound, in the unit of the scores; infinity if there are fewer groups than
        `least_count`

    Examples:
        >>> quantile(np.arange(9.0), np.arange(9), 0.9)
        8.0
    """
    sizes = np.bincount(groups)
    weights = 1 / ((len(sizes) + 1) * sizes[groups])
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(weights[order]) >= level - ROUNDING
    return float(scores[order][np.argmax(reached)]) if reached.any() else math.inf


def coverage_tolerance(level: float, sizes: Sequence[tuple[int, int]]) -> float:
    """Return two standard deviations of the coverage of exchangeable utterances.

    With n validation utterances, the coverage probability has a variance of about
    level (1 - level) / (n + 2) (a beta distribution; Vovk, 2012). The coverage of m
    test utterances varies by level (1 - level) / m around that probability.

    Args:
        level: of the intervals
        sizes: (n, m) numbers of validation and test utterances of each fold

    Returns:
        a share between 0 and 1
    """
    tested = sum(m for _, m in sizes)
    learnt = sum((m / tested) ** 2 / (n + 2) for n, m in sizes)
    return 2 * math.sqrt(level * (1 - level) * (1 / tested + learnt))


def fit(
    errors: np.ndarray, spread: np.ndarray, groups: np.ndarray, level: float
) -> Width:
    """Return the narrower of two widths: a constant one, or one that grows with spread.

    The second normalises errors by the spread over seeds plus its mean (Papadopoulos et
    al., 2008). The mean prevents intervals that are too narrow where seeds agree by
    chance. Selecting the narrower width on the same errors weakens the guarantee by the
    order of 1 / sqrt(n) (Yang and Kuchibhotla, 2024). The coverage on the
    test parts shows whether this matters.

    Args:
        errors: (n,) truth minus the centre of the interval
        spread: (n,) standard deviation over seeds; zeros if there is one seed
        groups: (n,) as for `quantile`
        level: share of ratings that the intervals must contain
    """
    scores = np.abs(errors)
    same = Width(quantile(scores, groups, level), 1.0, 0.0)
    floor = float(spread.mean())
    if not floor > 0:
        return same
    growing = Width(quantile(scores / (floor + spread), groups, level), floor, 1.0)
    return min(same, growing, key=lambda width: float(width(spread).mean()))
