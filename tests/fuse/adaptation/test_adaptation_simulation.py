"""Share of simulated adaptations that are kept, with and without a true difference.

``make test-slow`` draws 200 replicates of each case and logs the table of figures;
``make test`` draws few of three cases.
"""

import logging

import numpy as np
import pytest
from rated_clips import Rater, draw

from affuse.fuse.adaptation.adaptation import apply
from affuse.fuse.adaptation.adaptation_fitting import fit
from affuse.fuse.scoring.metrics import ccc

log = logging.getLogger(__name__)

REPLICATES = 200
FRESH = 1_000  # clips of other speakers, to compare with the held-out figures
USELESS = 0.05  # largest share of useless adaptations that may be kept
MARGIN = 2 * np.sqrt(USELESS * (1 - USELESS) / REPLICATES)
SAME, SHIFTED = Rater(), Rater(offset=0.3)
BOTH = Rater(gain=0.5, offset=0.3)
CODED = Rater(offset=0.3, codes=True, told=0.3)
CASES = [  # rater, clips, speakers, least share that is kept, largest share
    (SAME, 20, 0, 0, USELESS),
    (SAME, 20, 5, 0, USELESS),
    (SAME, 200, 0, 0, USELESS),
    (SAME, 200, 20, 0, USELESS),
    (Rater(codes=True), 60, 0, 0, USELESS),
    (Rater(offset=0.1), 20, 0, 0, 1),  # hardly any gain, after the cost of the fit
    (SHIFTED, 20, 0, 0.6, 1),
    (SHIFTED, 20, 5, 0.4, 1),
    (BOTH, 20, 0, 0.85, 1),
    (BOTH, 20, 5, 0.75, 1),
    (SHIFTED, 60, 10, 0.8, 1),
    (SHIFTED, 200, 0, 0.98, 1),
    (SHIFTED, 200, 20, 0.98, 1),
    (BOTH, 200, 20, 0.98, 1),
    (CODED, 60, 0, 0.85, 1),
]


def simulate(rater, count, replicates, *, seed=0):
    """Return a row of figures for each replicate."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(replicates):
        adaptation = fit(draw(rater, count, rng))
        fresh = draw(rater, FRESH, rng)
        found = apply(adaptation, fresh.inputs, fresh.spread)
        figures = adaptation.ratings["valence"].figures
        truth = fresh.truth[:, 0]
        covered = (found.low <= fresh.truth) & (fresh.truth <= found.high)
        kept = bool(adaptation.kept)
        rows.append(
            (
                kept,
                ccc(truth, fresh.inputs.mean[:, 0]),
                ccc(truth, found.mean[:, 0]),
                figures.improvement.value if kept else np.nan,
                covered.mean() if kept else np.nan,
            )
        )
    return np.array(rows, float)


def known(rater, speakers):
    return Rater(**{**vars(rater), "speakers": speakers})


@pytest.mark.parametrize(
    ("rater", "count", "least", "most"),
    [(SAME, 20, 0, 1), (BOTH, 20, 6, 8), (known(SHIFTED, 20), 100, 8, 8)],
)
def test_an_adaptation_is_kept_if_it_helps(rater, count, least, most):
    kept, before, after, _, _ = simulate(rater, count, 8).T
    assert least <= kept.sum() <= most
    assert (after[kept == 1] > before[kept == 1]).all()
    assert (after[kept == 0] == before[kept == 0]).all()


@pytest.mark.slow
@pytest.mark.parametrize(("rater", "count", "speakers", "least", "most"), CASES)
def test_shares_of_adaptations_that_are_kept(rater, count, speakers, least, most):
    rows = simulate(known(rater, speakers), count, REPLICATES)
    kept, before, after, promised, covered = rows.T
    chosen = kept == 1
    figures = [kept.mean(), before.mean(), after.mean()]
    if chosen.any():
        change = (after - before)[chosen].mean()
        figures += [promised[chosen].mean(), change, covered[chosen].mean()]
    log.info(
        "%d clips, %d speakers, offset %g, gain %g, codes %g: kept, CCC before, after, "
        "held-out change, true change, coverage: %s",
        *(count, speakers, rater.offset, rater.gain, rater.told),
        " ".join(f"{each:.3f}" for each in figures),
    )
    assert least <= kept.mean() <= most + (MARGIN if most < 1 else 0)
    assert after.mean() > before.mean() - 0.005
    if kept.mean() > 0.9:
        # Few adaptations are left out, so selection hardly inflates the figures.
        assert promised[chosen].mean() == pytest.approx(change, abs=0.03)
        assert covered[chosen].mean() > 0.87
