"""Figures of human raters on the test utterances of runs, and their intervals."""

import dataclasses

import numpy as np
import pytest
from simulated_runs import Population, draw
from statistic_runs import make_run

from affuse.data.single_ratings import summaries
from affuse.fuse.rater_variance import mean_ceiling, rater_terms, variance_components
from affuse.fuse.scoring.clusters import choose
from affuse.fuse.scoring.human_ceiling import human_figures

REPLICATES = 120


def rated(run, *, noise=0.4, counts=(2, 3, 4), seed=0, targets=None):
    """Return single ratings of a run, each the truth plus noise of the rater."""
    rng, p = np.random.default_rng(seed), run.predictions
    names = targets or run.info.targets
    return {
        id_: summaries(
            {
                name: truth[k] + noise * rng.normal(size=rng.choice(counts))
                for k, name in enumerate(names)
            }
        )
        for id_, truth in zip(p.id.tolist(), p.truth, strict=True)
    }


def test_figures_are_averaged_over_folds_and_ratings():
    run = make_run()
    raters = rated(run)
    found = human_figures(run, raters, unit=choose(run))
    p = run.predictions
    each = []
    for fold in ("1", "2"):
        ids = np.unique(p.id[p.fold == fold]).tolist()
        centre = dict.fromkeys(run.info.targets, 0.0)
        terms = rater_terms([raters[i] for i in ids], run.info.targets, centre)
        each.append(variance_components(terms.sum(axis=0)).reliability)
    expected = np.mean([mean_ceiling(r) for r in each], axis=0)
    values = [interval.value for interval in found.ceiling.ratings.values()]
    assert values == pytest.approx(expected)
    assert found.ceiling.mean.value == pytest.approx(expected.mean())
    assert [*found.reliability.values()] == pytest.approx(np.mean(each, axis=0))
    assert (found.fewest, found.most) == (2, 4)
    assert (found.ceiling.clusters, found.ceiling.unit) == (8, "dialogue")
    assert (found.ceiling.utterances, found.ceiling.folds) == (40, 2)


def test_only_test_utterances_count():
    run = make_run()
    raters = rated(run)
    more = raters | {"elsewhere": summaries({"valence": [-9, 9, 3]})}
    unit = choose(run)
    first, second = (human_figures(run, r, unit=unit) for r in (raters, more))
    assert first.ceiling.mean.value == pytest.approx(second.ceiling.mean.value)
    assert (first.most, first.average) == (second.most, second.average)


def test_the_figures_are_those_of_the_population_and_so_are_the_intervals():
    population = Population(clusters=20, heavy=False, unequal=False)
    inside = {"one_rater": 0, "ceiling": 0}
    between, within, k = 0.4**2, 0.4**2, 3
    truth = {
        "one_rater": 2 * between / (2 * between + within * k / (k - 1)),
        "ceiling": 2 * between / (2 * between + within / k),
    }
    values = {name: [] for name in truth}
    for seed in range(REPLICATES):
        rng = np.random.default_rng(seed)
        (run,) = draw(population, [_Still()], rng)
        raters = rated(run, counts=(k,), seed=seed)
        found = human_figures(run, raters, unit=choose(run))
        for name, expected in truth.items():
            interval = getattr(found, name).ratings["valence"]
            values[name].append(interval.value)
            inside[name] += interval.low < expected < interval.high
    for name, expected in truth.items():
        assert np.mean(values[name]) == pytest.approx(expected, abs=0.02)
        assert 0.89 <= inside[name] / REPLICATES <= 0.99


@dataclasses.dataclass(frozen=True)
class _Still:
    """Design without noise; only the ratings of its run are used."""

    gain: float = 1.0
    noise: float = 0.0


def test_the_mean_is_unknown_if_a_rating_has_no_single_ratings():
    run = make_run()
    found = human_figures(run, rated(run, targets=("valence",)), unit=choose(run))
    assert found.ceiling.ratings.keys() == {"valence"}
    assert np.isnan(found.ceiling.mean.value)


def test_folds_of_a_single_cluster_are_collapsed():
    run = make_run(folds=3, dialogues=1, turns=20)
    found = human_figures(run, rated(run), unit=choose(run))
    interval = found.ceiling.ratings["valence"]
    assert interval.low < interval.value < interval.high


@pytest.mark.parametrize("counts", [(1,), ()])
def test_without_several_raters_there_are_no_figures(counts):
    run = make_run()
    raters = rated(run, counts=counts) if counts else {}
    assert human_figures(run, raters, unit=choose(run)) is None


def test_utterances_with_one_rater_count_for_the_ceiling_alone():
    run = make_run()
    found = human_figures(run, rated(run, counts=(1, 3)), unit=choose(run))
    assert found.one_rater.utterances < found.ceiling.utterances == 40
