"""Weights of rows by the precision of their ratings, from single ratings.

The mean of the k raters of an utterance has the variance ``w / k`` around the mean
over all raters, which has the variance b over utterances. So the weight of a row is
``1 / (b + w / k)``, as for random effects (DerSimonian and Laird, 1986, Controlled
Clinical Trials 7:177). If utterances have several ratings, it is the mean of the
weights of these, each scaled to a mean of 1 over the training rows. The variances are
those of `affuse.fuse.rater_variance`, estimated on the training rows alone.

The deviation of a single utterance is not used: with few raters it is mostly chance.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from affuse.data.rating_scales import RATINGS
from affuse.data.records import Utterance
from affuse.data.single_ratings import RaterSummary
from affuse.fuse.rater_variance import rater_terms, variance_components

# Bounds of b / w. Below the first, weights are proportional to k; above the second, all
# are equal.
RATIOS = (1e-6, 1e6)


@dataclass(frozen=True)
class RowWeights:
    """Weights of rows ``sum_t scale_t / (1 + v_t / typical_t)`` for variances v_t."""

    typical: Tensor  # (terms,) float32, above 0
    scale: Tensor  # (terms,) float32, at least 0


def inverse_counts(utterances: Sequence[Utterance]) -> Tensor:
    """Return 1 / k for the k raters of each rating: (rows, RATINGS) float32.

    It is 1 where a rating has no single ratings; such a rating has no weight.

    Args:
        utterances: of the rows
    """
    counts = [[_raters(u.raters.get(n)) for n in RATINGS] for u in utterances]
    values = torch.tensor(counts, dtype=torch.float32)
    return 1 / values.reshape(len(utterances), len(RATINGS))


def _raters(summary: RaterSummary | None) -> int:
    """Return the number of raters; 1 without single ratings."""
    return 1 if summary is None else summary.raters


def rater_weights(utterances: Sequence[Utterance]) -> RowWeights:
    """Return the weights of rows for the variances that `inverse_counts` returns.

    Args:
        utterances: of the training rows, without `rater_faults`
    """
    ratios = _ratios([u.raters for u in utterances])
    inverse = inverse_counts(utterances).double()
    typical = torch.tensor([ratios.get(name, 1.0) for name in RATINGS])
    scale = torch.zeros(len(RATINGS), dtype=torch.float64)
    for number, name in enumerate(RATINGS):
        if name in ratios:
            each = 1 / (1 + inverse[:, number] / ratios[name])
            scale[number] = 1 / (len(ratios) * each.mean())
    return RowWeights(typical.float(), scale.float())


def _ratios(found: Sequence[Mapping[str, RaterSummary]]) -> dict[str, float]:
    """Return b / w within `RATIOS`, for each rating that gives weights.

    These are the ratings of which all utterances have single ratings, at least one of
    them by several raters.
    """
    names = [n for n in RATINGS if all(n in summaries for summaries in found)]
    names = [n for n in names if any(s[n].raters > 1 for s in found)]
    ratios = {}
    for name in names:
        centre = {name: float(np.mean([s[name].mean for s in found]))}
        sums = rater_terms(found, (name,), centre).sum(axis=0)
        components = variance_components(sums)
        between, within = float(components.between[0]), float(components.within[0])
        # Without any deviation within, the means are exact, and all weights are equal.
        ratio = between / within if within > 0 else RATIOS[1]
        ratios[name] = float(np.clip(np.nan_to_num(ratio), *RATIOS))
    return ratios


def rater_faults(utterances: Sequence[Utterance]) -> Iterator[str]:
    """Yield a sentence if training rows have too few single ratings for weights.

    Args:
        utterances: of the training rows
    """
    total = len(utterances)
    if _ratios([u.raters for u in utterances]):
        return
    lacking = sum(not u.raters for u in utterances)
    if lacking == total:
        yield (
            "weighting=raters: the corpus has no single ratings; extract it again with "
            "them (columns of a table: --map valence=rater1,rater2; MSP-Podcast: its "
            "file Labels/labels_detailed.csv), or leave weighting at none"
        )
    elif any(all(n in u.raters for u in utterances) for n in RATINGS):
        yield (
            f"weighting=raters: each of the {total:,} training utterances has a single "
            f"rater, so the agreement of raters is unknown; leave weighting at none"
        )
    else:
        names = {n: sum(n not in u.raters for u in utterances) for n in RATINGS}
        best = min(names, key=lambda name: names[name])
        yield (
            f"weighting=raters: {names[best]:,} of {total:,} training utterances have "
            f"no single ratings of {best}, and other ratings lack more; complete them, "
            f"or leave weighting at none"
        )
