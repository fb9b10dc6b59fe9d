"""Coverage of intervals, and false positives of tests, on simulated populations.

``make test-coverage`` draws 2,000 replicates of each case and prints the results;
``make test-slow`` draws 500 of each, ``make test`` 100 of two.
"""

import logging
import os
from dataclasses import dataclass, replace

import numpy as np
import pytest
from simulated_runs import Design, Population, draw, equal_noise, true_ccc

from affuse.fuse.scoring.clusters import choose
from affuse.fuse.scoring.paired_tests import holm, paired_difference, permutation_test
from affuse.fuse.scoring.statistics import estimate, folds, values

REPLICATES = int(os.environ.get("AFFUSE_REPLICATES", "500"))
SEED = int(os.environ.get("AFFUSE_SEED", "0"))
LOW, HIGH = 0.93, 0.97  # of nominal .95, with the 2,000 replicates of test-coverage
MARGIN = 0.0 if REPLICATES >= 2000 else 2 * np.sqrt(0.05 * 0.95 / REPLICATES)
WIDE = {"10 speakers in 5 folds": 0.985}  # two a fold say little of their variance
FEW = 100  # replicates of `make test`; a share of .95 has a standard error of .022
PERMUTATIONS = 199

log = logging.getLogger(__name__)

FLAT = Design(gain=0.3, noise=0.05)  # too little variance, hardly any noise
NOISY = equal_noise(FLAT, gain=0.8)  # of the same CCC
SHARED = Population(folds=5, clusters=9, seeds=3, drift=0.1)
SPEAKERS = Population(alike=0.2, turns=40, dialogues=5)

SINGLE = {
    "unequal clusters, heavy tails, 10": Population(clusters=10),
    "unequal clusters, heavy tails, 31": Population(clusters=31),
    "unequal clusters, heavy tails, 5 x 9": Population(folds=5, clusters=9),
    "unequal clusters, heavy tails, 5 x 30": Population(folds=5, clusters=30),
    "equal clusters, normal, 6": Population(clusters=6, heavy=False, unequal=False),
    "5 folds, 3 seeds, shared effects": SHARED,
    "5 folds, 3 seeds, large shared effects": replace(SHARED, drift=0.2),
    "5 folds, 3 seeds, effects of their own": replace(SHARED, shared=False),
    "1 fold, 3 seeds": replace(SHARED, folds=1),
    "10 speakers": replace(SPEAKERS, clusters=10),
    "18 speakers": replace(SPEAKERS, clusters=18),
    "30 speakers": replace(SPEAKERS, clusters=30),
    "10 speakers in 5 folds": replace(SPEAKERS, clusters=2, folds=5),
    "20 speakers in 5 folds": replace(SPEAKERS, clusters=4, folds=5),
    "30 speakers in 5 folds": replace(SPEAKERS, clusters=6, folds=5),
    "10 speakers in 10 folds": replace(SPEAKERS, clusters=1, folds=10),
}
PAIRS = {
    "12 clusters": Population(clusters=12),
    "31 clusters": Population(clusters=31),
    "12 clusters, half alike": Population(clusters=12, alike=0.5),
    "12 clusters, equal, normal": Population(heavy=False, unequal=False),
    "10 speakers": replace(SPEAKERS, clusters=10),
    "5 x 6 clusters": Population(folds=5, clusters=6),
    "5 x 9 clusters, 3 seeds": replace(SHARED, drift=0.05),
}


@dataclass
class Hits:
    """Number of intervals, and of those that lie below or above the true value."""

    count: int = 0
    below: int = 0  # all of the interval is below the truth
    above: int = 0

    def add(self, interval, truth):
        self.count += 1
        self.below += interval.high < truth
        self.above += interval.low > truth
        assert interval.low < interval.high, interval

    @property
    def share(self):
        return 1 - (self.below + self.above) / self.count

    def log_coverage(self, name):
        log.info(
            "%s: %.3f of %d intervals cover it, seed %d; too low %.3f, too high %.3f",
            *(name, self.share, self.count, SEED),
            *(self.below / self.count, self.above / self.count),
        )


def ccc_within(population):
    """Return the mean CCC over many folds of one cluster each."""
    many = replace(population, folds=3000)
    (run,) = draw(many, [Design()], np.random.default_rng(99))
    return values(folds(run, "utterance"))[-1]


def of_single(population, replicates, unit=""):
    rng, hits = np.random.default_rng(SEED), Hits()
    within = population.clusters == 1  # the CCC is that within one cluster
    truth = ccc_within(population) if within else true_ccc(population, Design())
    for _ in range(replicates):
        (run,) = draw(population, [Design()], rng)
        hits.add(estimate(run, unit=unit).mean, truth)
    return hits


def of_pair(population, replicates):
    rng, hits = np.random.default_rng(SEED), Hits()
    truth = true_ccc(population, FLAT) - true_ccc(population, NOISY)
    for _ in range(replicates):
        hits.add(paired_difference(*draw(population, [FLAT, NOISY], rng)), truth)
    return hits


@pytest.mark.slow
@pytest.mark.parametrize("name", SINGLE)
def test_intervals_contain_the_true_value(name):
    hits = of_single(SINGLE[name], REPLICATES)
    hits.log_coverage(name)
    assert LOW - MARGIN <= hits.share <= WIDE.get(name, HIGH) + MARGIN


@pytest.mark.slow
@pytest.mark.parametrize("name", PAIRS)
def test_intervals_of_differences_contain_the_true_value(name):
    hits = of_pair(PAIRS[name], REPLICATES)
    hits.log_coverage(f"difference of designs with different make-up, {name}")
    assert LOW - MARGIN <= hits.share <= HIGH + MARGIN


@pytest.mark.slow
def test_intervals_over_dialogues_do_not_hold_for_other_speakers():
    population = SINGLE["30 speakers"]
    assert choose(draw(population, [Design()], np.random.default_rng(0))[0]).name == (
        "speaker"
    )
    hits = of_single(population, REPLICATES, unit="dialogue")
    hits.log_coverage("30 speakers, intervals over dialogues")
    assert hits.share < 0.9


def test_intervals_hold_if_seed_errors_are_shared_by_folds():
    hits = of_single(replace(SHARED, drift=0.2), FEW)  # formerly .80
    assert hits.share >= LOW - 0.03


def test_intervals_of_differences_hold_for_unlike_designs():
    hits = of_pair(PAIRS["12 clusters, half alike"], FEW)
    assert hits.share >= LOW - 0.03


def p_values(population, designs, replicates):
    """Return p-values of the first design and each other one: (replicates, designs)."""
    rng = np.random.default_rng(SEED)
    found = []
    for trial in range(replicates):
        first, *others = draw(population, designs, rng)
        options = {"permutations": PERMUTATIONS, "seed": trial}
        found.append([permutation_test(first, other, **options) for other in others])
    return np.array(found)


def log_p_values(name, p, levels):
    shares = ", ".join(f"{np.mean(p <= level):.3f} at {level}" for level in levels)
    log.info("%s: p at or below: %s; %d replicates, seed %d", name, shares, *SIZE)


SIZE = (REPLICATES, SEED)
LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75)
NULL = {
    "equal designs": (Population(), [Design(), Design()], False),
    "designs with different make-up": (Population(), [FLAT, NOISY], True),
    "3 seeds, shared effects": (replace(SHARED, folds=2), [Design(), Design()], True),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NULL)
def test_p_is_not_too_small_without_a_difference(name):
    population, designs, bounded = NULL[name]
    p = p_values(population, designs, REPLICATES)
    log_p_values(name, p, LEVELS)
    for level in LEVELS[:3] if bounded else LEVELS:
        error = 3 * np.sqrt(level * (1 - level) / REPLICATES)
        share = np.mean(p <= level)
        assert share <= level + error
        assert bounded or share >= level - error  # else it may be too large


@pytest.mark.slow
def test_a_table_without_a_difference_has_a_mark_in_one_of_twenty():
    p = p_values(Population(folds=2), [Design()] * 5, REPLICATES)
    marked = np.mean([min(holm(row)) < 0.05 for row in p])
    log.info(
        "Holm, 4 comparisons: %.3f of %d tables have a mark, seed %d", marked, *SIZE
    )
    assert marked <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / REPLICATES)


def test_the_simulated_population_has_its_stated_parameters():
    rng = np.random.default_rng(3)
    population = Population(clusters=2000, heavy=False)
    designs = (FLAT, NOISY)
    for design, run in zip(designs, draw(population, designs, rng), strict=True):
        found = estimate(run, unit="utterance").mean.value
        assert found == pytest.approx(true_ccc(population, design), abs=0.03)
