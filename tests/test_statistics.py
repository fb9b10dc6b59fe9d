import dataclasses
import time
from pathlib import Path

import numpy as np
import pytest

from data.predictions import FoldRow, Predictions, Run, RunInfo
from fuse import metrics
from fuse.resampling import draws
from fuse.statistics import bootstrap, default_unit, paired_difference, subset

TARGETS = ("valence", "arousal", "dominance")


def make_run(
    *, folds=2, seeds=3, dialogues=4, turns=5, gain=0.6, noise=0.3, first=0, known=True
):
    """A run whose predictions are `gain` times the truth, plus noise of its own."""
    rng = np.random.default_rng(first)
    truth_rng = np.random.default_rng(99)  # the corpus, the same for every run
    rows, columns = [], []
    for fold in map(str, range(1, folds + 1)):
        ids = []
        for d in range(dialogues):
            for u in range(turns):
                ids.append(f"s{fold}_d{d}_{u}")
                dialogue = f"s{fold}_d{d}" if known else ""
                rows.append(
                    FoldRow(fold, "test", ids[-1], f"{fold}F", dialogue, d % 2 == 1)
                )
        truth = truth_rng.normal(0, 0.4, (len(ids), 3))
        for seed in range(first, first + seeds):
            predicted = gain * truth + rng.normal(0, noise, truth.shape)
            order = rng.permutation(len(ids))  # files need not be sorted
            columns.append(
                (np.array(ids)[order], fold, seed, truth[order], predicted[order])
            )
    sizes = [len(c[0]) for c in columns]
    return Run(
        path=Path("runs/toy"),
        info=RunInfo(
            name=f"toy-{first}",
            design="early",
            corpus="toy",
            nature="human",
            protocol="loso",
            targets=TARGETS,
            encoders={},
            settings={},
        ),
        predictions=Predictions(
            id=np.concatenate([c[0] for c in columns]),
            fold=np.repeat([c[1] for c in columns], sizes),
            seed=np.repeat([c[2] for c in columns], sizes),
            truth=np.concatenate([c[3] for c in columns]),
            predicted=np.concatenate([c[4] for c in columns]),
        ),
        folds=tuple(rows),
    )


def units(run):
    """Rows of each fold and seed, sorted by id, as {fold: {seed: rows}}."""
    p = run.predictions
    return {
        fold: {
            seed: sorted(
                np.flatnonzero((p.fold == fold) & (p.seed == seed)),
                key=lambda row: p.id[row],
            )
            for seed in np.unique(p.seed)
        }
        for fold in np.unique(p.fold)
    }


def naive(run, replicates, seed):
    """The same replicates, each built row by row: (replicates, targets)."""
    rng, p = np.random.default_rng(seed), run.predictions
    dialogue = {row.id: row.dialogue for row in run.folds}
    total = np.zeros((replicates, 3))
    for seeds in units(run).values():
        rows = list(seeds.values())
        names = sorted({dialogue[p.id[row]] for row in rows[0]})
        times = draws(len(names), replicates, rng)
        chosen = draws(len(rows), replicates, rng)
        for r in range(replicates):
            counts = dict(zip(names, times[r].astype(int), strict=True))
            for k, own in enumerate(rows):
                drawn = np.repeat(own, [counts[dialogue[p.id[row]]] for row in own])
                each = [
                    metrics.ccc(p.truth[drawn, t], p.predicted[drawn, t])
                    for t in range(3)
                ]
                total[r] += chosen[r, k] / len(rows) * np.array(each) / 2
    return total


def test_weighted_moments_equal_replicates_built_row_by_row():
    run = make_run()
    found = bootstrap(run, replicates=200, seed=7)
    expected = naive(run, replicates=200, seed=7)
    low, high = np.quantile(expected, [0.025, 0.975], axis=0)
    for k, name in enumerate(TARGETS):
        # float64, summed in another order
        assert found.ratings[name].low == pytest.approx(low[k], abs=1e-10)
        assert found.ratings[name].high == pytest.approx(high[k], abs=1e-10)
    low, high = np.quantile(expected.mean(axis=1), [0.025, 0.975])
    assert found.mean.low == pytest.approx(low, abs=1e-10)
    assert found.mean.high == pytest.approx(high, abs=1e-10)


def test_values_are_means_over_folds_and_seeds_of_the_metric():
    run = make_run()
    p = run.predictions
    each = [
        [metrics.ccc(p.truth[rows, k], p.predicted[rows, k]) for k in range(3)]
        for seeds in units(run).values()
        for rows in seeds.values()
    ]
    found = bootstrap(run, replicates=10)
    expected = np.mean(each, axis=0)
    assert [found.ratings[t].value for t in TARGETS] == pytest.approx(expected.tolist())
    assert found.mean.value == pytest.approx(expected.mean())
    sizes = (found.utterances, found.folds, found.seeds, found.unit, found.clusters)
    assert sizes == (40, 2, 3, "dialogue", 8)


def test_the_interval_covers_what_it_says():
    # p = g t + noise: ccc = 2 g v / (v + g^2 v + s^2), with v = .16, g = .6, s = .3
    true = 2 * 0.6 * 0.16 / (0.16 + 0.36 * 0.16 + 0.09)
    rng, hits = np.random.default_rng(0), 0
    run = make_run(folds=1, seeds=1, dialogues=40)
    for _ in range(200):
        truth = rng.normal(0, 0.4, run.predictions.truth.shape)
        noise = rng.normal(0, 0.3, truth.shape)
        drawn = dataclasses.replace(
            run.predictions, truth=truth, predicted=0.6 * truth + noise
        )
        found = bootstrap(
            dataclasses.replace(run, predictions=drawn), replicates=300
        ).mean
        hits += found.low <= true <= found.high
    # 190 expected; six standard deviations of a binomial are 18
    assert 172 <= hits <= 200


def test_the_same_seed_gives_the_same_bounds():
    run = make_run()
    assert bootstrap(run, replicates=50) == bootstrap(run, replicates=50)
    assert bootstrap(run, replicates=50) != bootstrap(run, replicates=50, seed=1)


def test_the_order_of_the_rows_does_not_matter():
    run = make_run()
    back = {
        f.name: getattr(run.predictions, f.name)[::-1]
        for f in dataclasses.fields(Predictions)
    }
    turned = dataclasses.replace(run, predictions=Predictions(**back))
    assert bootstrap(turned, replicates=50) == bootstrap(run, replicates=50)


def test_alike_utterances_need_a_wider_interval():
    run = make_run(folds=1, dialogues=10, turns=20)
    p = run.predictions
    dialogue = np.array([int(i.split("_d")[1].split("_")[0]) for i in p.id.tolist()])
    alike = p.truth + np.where(dialogue % 2, 0.0, 0.8)[:, None]  # half are far off
    run = dataclasses.replace(run, predictions=dataclasses.replace(p, predicted=alike))
    by_dialogue = bootstrap(run, replicates=300).mean
    by_utterance = bootstrap(run, replicates=300, unit="utterance").mean
    width = by_dialogue.high - by_dialogue.low
    assert width > 2 * (by_utterance.high - by_utterance.low)


def test_memory_is_bounded_and_blocks_do_not_change_the_figures(monkeypatch):
    run = make_run(folds=1, seeds=1)
    whole = bootstrap(run, replicates=400)
    monkeypatch.setattr("fuse.resampling.BLOCK", 4 * 100)
    parts = bootstrap(run, replicates=400)
    assert parts.mean.value == whole.mean.value
    # other draws of the same distribution
    assert parts.mean.low == pytest.approx(whole.mean.low, abs=0.1)


def test_two_thousand_replicates_of_session_5_take_under_a_second():
    run = make_run(folds=1, seeds=5, dialogues=2170, turns=1, known=False)
    times = []
    for _ in range(3):  # the fastest, because others may be at work here
        start = time.perf_counter()
        bootstrap(run, replicates=2000)
        times.append(time.perf_counter() - start)
    assert min(times) < 1


def test_utterances_are_resampled_where_no_dialogue_is_known():
    run = make_run(known=False)
    assert default_unit(run) == "utterance"
    assert bootstrap(run, replicates=10).clusters == 40


def test_one_cluster_has_a_value_but_no_interval():
    found = bootstrap(make_run(dialogues=1), replicates=10).mean
    assert np.isfinite(found.value)
    assert np.isnan([found.low, found.high]).all()


def test_the_same_constant_has_no_figure():
    run = make_run(known=False)
    same = np.full_like(run.predictions.truth, 0.1)
    flat = dataclasses.replace(run.predictions, truth=same, predicted=same)
    found = bootstrap(dataclasses.replace(run, predictions=flat), replicates=10).mean
    assert np.isnan([found.value, found.low, found.high]).all()


def test_a_single_seed_only_varies_with_the_dialogues():
    run = make_run(seeds=1, noise=0.0, gain=1.0)
    found = bootstrap(run, replicates=50).mean
    assert (found.value, found.low, found.high) == pytest.approx((1, 1, 1), abs=1e-10)


def test_scripted_and_improvised_are_apart():
    run = make_run()
    parts = [subset(run, scripted=scripted) for scripted in (True, False)]
    assert [len(part.predictions) for part in parts] == [60, 60]
    assert bootstrap(parts[0], replicates=10).clusters == 4
    unknown = tuple(dataclasses.replace(row, scripted=None) for row in run.folds)
    assert subset(dataclasses.replace(run, folds=unknown), scripted=False) is None


def test_a_clear_difference_is_told_from_none():
    good, bad = make_run(noise=0.2), make_run(noise=0.6, first=10)
    found = paired_difference(good, bad)
    values = [bootstrap(run, replicates=10).mean.value for run in (good, bad)]
    assert found.value == pytest.approx(values[0] - values[1], abs=1e-12)
    assert 0 < found.low < found.value < found.high
    back = paired_difference(bad, good)
    assert back.value == pytest.approx(-found.value, abs=1e-12)
    same = paired_difference(good, make_run(noise=0.2, first=20))
    assert same.low < 0 < same.high


def test_a_pair_is_narrower_than_two_runs():
    a = make_run(seeds=1, noise=0.3, turns=40)
    p = a.predictions
    jitter = np.random.default_rng(3).normal(0, 0.02, p.predicted.shape)
    similar = dataclasses.replace(p, predicted=p.predicted + jitter)
    b = dataclasses.replace(a, predictions=similar)
    single, pair = bootstrap(a).mean, paired_difference(a, b)
    assert pair.high - pair.low < 0.2 * (single.high - single.low)


@pytest.mark.parametrize(
    "other",
    [make_run(turns=4), make_run(folds=1), make_run(folds=3)],
    ids=["utterances", "fewer folds", "more folds"],
)
def test_runs_on_other_utterances_are_not_compared(other):
    with pytest.raises(ValueError, match="'toy-0' and 'toy-0' were not scored on the"):
        paired_difference(make_run(), other)


def test_runs_on_other_ratings_are_not_compared():
    run = make_run()
    truth = run.predictions.truth.copy()
    truth[0] += 0.1
    other = dataclasses.replace(run.predictions, truth=truth)
    with pytest.raises(ValueError, match="same utterances and ratings"):
        paired_difference(run, dataclasses.replace(run, predictions=other))


def test_runs_with_other_targets_are_not_compared():
    run = make_run()
    p = run.predictions
    fewer = dataclasses.replace(
        run,
        info=dataclasses.replace(run.info, targets=TARGETS[:2]),
        predictions=dataclasses.replace(
            p, truth=p.truth[:, :2], predicted=p.predicted[:, :2]
        ),
    )
    with pytest.raises(ValueError, match="same utterances and ratings"):
        paired_difference(run, fewer)


def test_an_unknown_unit_is_refused():
    with pytest.raises(ValueError, match="a unit of dialogue, speaker, utterance"):
        bootstrap(make_run(), unit="word")


def test_every_replicate_draws_as_many_as_there_are():
    times = draws(7, 1000, np.random.default_rng(0))
    assert (times.sum(axis=1) == 7).all()
    # the mean of 1000 draws of variance 6/7 has a standard error of .03
    assert times.mean(axis=0) == pytest.approx(np.ones(7), abs=0.15)
