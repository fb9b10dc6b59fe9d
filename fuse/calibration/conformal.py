"""Split conformal prediction: how wide an interval must be, from held-out errors.

If the utterances that the width was learnt from and a new one are exchangeable, the
interval covers its rating with at least the probability `level` (Vovk, Gammerman and
Shafer, 2005; Lei et al., 2018, JASA 113:1094). Utterances of one speaker are alike, and
a new speaker is not one of the old; so where there are speakers enough, they are what
is taken as exchangeable, and the promise is for an utterance of a new speaker.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ROUNDING = 1e-9  # of sums of shares in float64


@dataclass(frozen=True)
class Width:
    """Half the width of an interval: ``quantile * (floor + weight * spread)``."""

    quantile: float
    floor: float  # 1 where the seeds' spread plays no part
    weight: float  # 1 where intervals are wider for a larger spread, else 0

    def __call__(self, spread: np.ndarray) -> np.ndarray:
        """(n,) deviation over seeds -> (n,) half widths"""
        return self.quantile * (self.floor + self.weight * spread)


def needed(level: float) -> int:
    """Fewest utterances, or speakers, that any finite interval takes.

    Examples:
        >>> needed(0.9), needed(0.95)
        (9, 19)
    """
    return math.ceil(level / (1 - level) - ROUNDING)


def quantile(scores: np.ndarray, groups: np.ndarray, level: float) -> float:
    """The score that a new group's utterance stays below with probability `level`.

    The quantile of the scores where each of K groups weighs 1 / (K + 1), divided among
    its utterances, and the last 1 / (K + 1) is infinity: hierarchical conformal
    prediction (Lee, Barber and Willett, 2023; without the infinity it is "pooling CDFs"
    of Dunn, Wasserman and Ramdas, 2023, JASA 118:2491). If every utterance is a group
    of its own, it is the ceil((n + 1) level)-th smallest score: split conformal.

    Args:
        scores: (n,) such as absolute errors
        groups: (n,) counted from 0, none of them empty
        level: between 0 and 1

    Returns:
        infinity if there are fewer groups than `needed`

    Examples:
        >>> quantile(np.arange(9.0), np.arange(9), 0.9)
        8.0
    """
    sizes = np.bincount(groups)
    weights = 1 / ((len(sizes) + 1) * sizes[groups])
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(weights[order]) >= level - ROUNDING
    return float(scores[order][np.argmax(reached)]) if reached.any() else math.inf


def chance(level: float, sizes: Sequence[tuple[int, int]]) -> float:
    """Two standard deviations of the share held, if all utterances are exchangeable.

    With n of validation, the probability of being held varies about as
    level (1 - level) / (n + 2) (a beta distribution; Vovk, 2012), and the share of m of
    the test by level (1 - level) / m around it.

    Args:
        level: of the intervals
        sizes: (n, m) of each fold
    """
    tested = sum(m for _, m in sizes)
    learnt = sum((m / tested) ** 2 / (n + 2) for n, m in sizes)
    return 2 * math.sqrt(level * (1 - level) * (1 / tested + learnt))


def fit(
    errors: np.ndarray, spread: np.ndarray, groups: np.ndarray, level: float
) -> Width:
    """The narrower of two widths: the same for all, or growing with the spread.

    The second divides errors by the seeds' spread plus its mean (Papadopoulos et al.,
    2008), the mean keeping agreement by chance from promising too much. Choosing the
    narrower by the same errors costs a little of the promise, of the order of
    1 / sqrt(n) (Yang and Kuchibhotla, 2024); what remains is measured on the test.

    Args:
        errors: (n,) truth less the interval's centre
        spread: (n,) deviation over seeds; all 0 where there is one
        groups: (n,) as for `quantile`
        level: share of ratings that shall be inside
    """
    scores = np.abs(errors)
    same = Width(quantile(scores, groups, level), 1.0, 0.0)
    floor = float(spread.mean())
    if not floor > 0:
        return same
    growing = Width(quantile(scores / (floor + spread), groups, level), floor, 1.0)
    return min(same, growing, key=lambda width: float(width(spread).mean()))
