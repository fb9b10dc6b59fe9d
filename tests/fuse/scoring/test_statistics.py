import dataclasses

import numpy as np
import pytest
from statistic_runs import TARGETS, make_run

from affuse.data.runs.run_predictions import Predictions
from affuse.fuse.reporting.sections import subset
from affuse.fuse.scoring import metrics
from affuse.fuse.scoring.cluster_resampling import leave_out_clusters
from affuse.fuse.scoring.clusters import choose
from affuse.fuse.scoring.intervals import (
    Variance,
    cluster_variance,
    combine,
    figures_of_seeds,
    freedom,
    interval,
    jackknife,
)
from affuse.fuse.scoring.paired_tests import paired_difference
from affuse.fuse.scoring.statistics import estimate, folds


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


def naive(fold, seed, target):
    """CCC without each cluster, built row by row."""
    kept = [fold.clusters != g for g in range(fold.count)]
    return [
        metrics.ccc(fold.truth[k, target], fold.predicted[seed, k, target])
        for k in kept
    ]


def test_weighted_moments_equal_sets_built_row_by_row():
    for fold in folds(make_run(), "dialogue"):
        found = leave_out_clusters(fold)
        assert found.shape == (4, 3, 3)
        for seed in range(3):
            for target in range(3):
                # float64, summed in another order
                expected = naive(fold, seed, target)
                assert found[:, seed, target] == pytest.approx(expected, abs=1e-10)


def test_values_are_means_over_folds_and_seeds_of_the_metric():
    run = make_run()
    p = run.predictions
    each = [
        [metrics.ccc(p.truth[rows, k], p.predicted[rows, k]) for k in range(3)]
        for seeds in units(run).values()
        for rows in seeds.values()
    ]
    found = estimate(run)
    expected = np.mean(each, axis=0)
    assert [found.ratings[t].value for t in TARGETS] == pytest.approx(expected.tolist())
    assert found.mean.value == pytest.approx(expected.mean())
    sizes = (found.utterances, found.folds, found.seeds, found.unit, found.clusters)
    assert (*sizes, found.fewest) == (40, 2, 3, "dialogue", 8, 4)


def test_parts_are_means_over_folds_and_seeds():
    run = make_run()
    p = run.predictions
    for k, name in enumerate(TARGETS):
        each = [
            metrics.split_ccc(p.truth[rows, k], p.predicted[rows, k])
            for seeds in units(run).values()
            for rows in seeds.values()
        ]
        found = estimate(run).parts[name]
        assert found.scale == pytest.approx(np.mean([s.scale for s in each]))
        assert found.bias == pytest.approx(np.mean([s.bias for s in each]))


def test_one_seed_has_the_closed_form_of_the_jackknife():
    run = make_run(folds=1, seeds=1, dialogues=12)
    (fold,) = folds(run, "dialogue")
    each = np.array(naive(fold, 0, 0))
    found = estimate(run).ratings["valence"]
    bias = 11 * (each.mean() - found.value)
    error = np.sqrt(11 / 12 * ((each - each.mean()) ** 2).sum() + bias**2)
    # Student's t of 11 degrees of freedom at .975, on the scale of Fisher's z
    reach = 2.200985160 * error / (1 - found.value**2)
    expected = np.tanh(np.arctanh(found.value) + np.array([-reach, reach]))
    assert [found.low, found.high] == pytest.approx(expected.tolist(), abs=1e-9)


def test_degrees_of_freedom_are_those_of_satterthwaite():
    parts = [
        Variance(np.array([1.0, 2.0]), np.array([4, 4])),
        Variance(np.array([3.0, 0.0]), np.array([9, 9])),
    ]
    variance, freedom = combine(parts)
    assert variance.tolist() == [4, 2]
    assert freedom == pytest.approx([16 / (1 / 4 + 9 / 9), 4])


def test_a_difference_may_lie_outside_the_range_of_a_ccc():
    found = interval(0.9, 0.04, 10, 0.95, bounded=False)
    assert found.high > 1
    assert interval(0.9, 0.04, 10, 0.95, bounded=True).high < 1


def test_seeds_that_differ_widen_the_interval():
    run = make_run(noise=0.2, dialogues=10)
    p = run.predictions
    gain = np.array([1.6, 1.0, 0.4])[p.seed][:, None]
    apart = dataclasses.replace(p, predicted=gain * p.predicted)
    wide = estimate(dataclasses.replace(run, predictions=apart)).mean
    narrow = estimate(run).mean
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


def test_the_order_of_the_rows_does_not_matter():
    run = make_run()
    back = {
        f.name: getattr(run.predictions, f.name)[::-1]
        for f in dataclasses.fields(Predictions)
    }
    turned = dataclasses.replace(run, predictions=Predictions(**back))
    assert estimate(turned) == estimate(run)


def test_alike_utterances_need_a_wider_interval():
    run = make_run(folds=1, dialogues=10, turns=20)
    p = run.predictions
    dialogue = np.array([int(i.split("_d")[1].split("_")[0]) for i in p.id.tolist()])
    alike = p.truth + np.where(dialogue % 2, 0.0, 0.8)[:, None]  # half are far off
    run = dataclasses.replace(run, predictions=dataclasses.replace(p, predicted=alike))
    by_dialogue = estimate(run).mean
    by_utterance = estimate(run, unit="utterance").mean
    width = by_dialogue.high - by_dialogue.low
    assert width > 2 * (by_utterance.high - by_utterance.low)


def test_speakers_are_the_unit_where_no_dialogue_is_known():
    found = estimate(make_run(known=False))
    assert (found.unit, found.clusters) == ("speaker", 2)
    assert found.reason == "no dialogue is known"


def regrouped(run, **names):
    """A run whose test utterances have other speakers, dialogues or recordings."""
    rows = (
        dataclasses.replace(row, **{name: of(row.id) for name, of in names.items()})
        for row in run.folds
    )
    return dataclasses.replace(run, folds=tuple(rows))


def test_recordings_and_then_utterances_are_the_last_resort():
    run = regrouped(make_run(known=False), speaker=lambda _: "")
    found = estimate(run)
    assert (found.unit, found.clusters, found.alone) == ("utterance", 40, 0)
    assert found.reason == "no dialogue or speaker or recording is known"
    run = regrouped(run, recording=lambda id_: id_.rpartition("_")[0])
    assert (choose(run).name, estimate(run).clusters) == ("recording", 8)
    assert estimate(run, unit="utterance").reason == ""


def test_a_single_speaker_is_no_unit():
    run = regrouped(make_run(known=False), speaker=lambda _: "Anna")
    assert choose(run).name == "utterance"
    assert "only one speaker is tested" in choose(run).reason


def test_dialogues_within_speakers_that_are_kept_apart_give_way_to_speakers():
    run = make_run(dialogues=8)
    assert choose(run).name == "dialogue"  # two speakers are too few
    nested = regrouped(
        run, speaker=lambda id_: f"{id_[:2]}{int(id_.split('_d')[1][0]) // 2}"
    )
    assert choose(nested).name == "speaker"
    assert estimate(nested).clusters == 8
    mixed = regrouped(nested, speaker=lambda id_: f"{id_[:2]}{id_[-1]}")
    assert choose(mixed).name == "dialogue"  # several speakers talk in each
    train = dataclasses.replace(nested.folds[0], part="train", id="other")
    shared = dataclasses.replace(nested, folds=(*nested.folds, train))
    assert choose(shared).name == "dialogue"


def test_utterances_that_lack_the_unit_are_counted():
    run = regrouped(
        make_run(), dialogue=lambda id_: "" if id_.endswith("_0") else id_[:5]
    )
    found = estimate(run)
    assert (found.unit, found.alone, found.clusters) == ("dialogue", 8, 16)


def test_single_cluster_folds_have_the_variance_between_folds():
    run = make_run(dialogues=1, folds=4, seeds=1)
    whole = np.array([figures_of_seeds(fold)[0] for fold in folds(run, "dialogue")])
    (part,) = cluster_variance([jackknife(fold) for fold in folds(run, "dialogue")])
    assert part.values == pytest.approx(whole.var(axis=0, ddof=1) / 4)
    assert part.freedom.tolist() == [3, 3, 3, 3]
    found = estimate(run).mean
    assert found.low < found.value < found.high


def test_one_fold_of_one_cluster_among_others_leaves_the_interval_unknown():
    run = make_run(dialogues=3, folds=2)
    one = regrouped(run, dialogue=lambda id_: "s1" if id_[:2] == "s1" else id_[:5])
    assert np.isnan(estimate(one).mean.low)


def test_dominant_clusters_reduce_the_degrees_of_freedom():
    without = np.array([0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.9])[:, None]
    even = np.linspace(0.4, 0.6, 10)[:, None]
    sizes = np.full(10, 20)
    # of one cluster among n the kurtosis is n - 2 + 1 / (n - 1)
    kurtosis = 8 + 1 / 9
    assert freedom(without, sizes) == pytest.approx([20 / (kurtosis - 7 / 9)])
    assert freedom(even, sizes) == pytest.approx([9])
    sizes[0] = 180  # 360^2 / (180^2 + 9 * 20^2) = 3.6
    assert freedom(even, sizes) == pytest.approx([2.6])


def test_seeds_that_do_the_same_in_all_folds_do_not_cancel():
    def moved(gains):
        run = make_run(folds=4, dialogues=20, noise=0.1)
        p = run.predictions
        gain = np.array([gains(f, s) for f, s in zip(p.fold, p.seed, strict=True)])
        said = dataclasses.replace(p, predicted=gain[:, None] * p.predicted)
        return estimate(dataclasses.replace(run, predictions=said)).mean

    gains = (0.5, 1.0, 1.5)
    alike = moved(lambda _, seed: gains[seed])
    apart = moved(lambda fold, seed: gains[(seed + int(fold)) % 3])
    assert alike.value == pytest.approx(apart.value, abs=0.02)
    assert alike.high - alike.low > 3 * (apart.high - apart.low)


def test_seeds_that_not_all_folds_have_leave_the_interval_unknown():
    run = make_run(folds=2, seeds=2)
    p = run.predictions
    kept = (p.fold == "1") | (p.seed == 0)
    fewer = Predictions(
        *(getattr(p, field.name)[kept] for field in dataclasses.fields(Predictions))
    )
    assert np.isnan(estimate(dataclasses.replace(run, predictions=fewer)).mean.low)


def test_one_cluster_has_a_value_but_no_interval():
    found = estimate(make_run(dialogues=1, folds=1)).mean
    assert np.isfinite(found.value)
    assert np.isnan([found.low, found.high]).all()


def test_the_same_constant_has_no_figure():
    run = make_run(known=False)
    same = np.full_like(run.predictions.truth, 0.1)
    flat = dataclasses.replace(run.predictions, truth=same, predicted=same)
    found = estimate(dataclasses.replace(run, predictions=flat)).mean
    assert np.isnan([found.value, found.low, found.high]).all()


def test_a_single_seed_only_varies_with_the_dialogues():
    run = make_run(seeds=1, noise=0.0, gain=1.0)
    found = estimate(run).mean
    assert found.value == pytest.approx(1, abs=1e-10)
    assert np.isnan([found.low, found.high]).all()  # an interval has a width


def test_scripted_and_improvised_utterances_are_separate_subsets():
    run = make_run()
    parts = [subset(run, lambda row, s=s: row.scripted is s) for s in (True, False)]
    assert [len(part.predictions) for part in parts] == [60, 60]
    assert estimate(parts[0]).clusters == 4
    unknown = tuple(dataclasses.replace(row, scripted=None) for row in run.folds)
    run = dataclasses.replace(run, folds=unknown)
    assert subset(run, lambda row: row.scripted is False) is None


def test_a_clear_difference_is_distinguished_from_none():
    good, bad = make_run(noise=0.2), make_run(noise=0.6, first=10)
    found = paired_difference(good, bad)
    values = [estimate(run).mean.value for run in (good, bad)]
    assert found.value == pytest.approx(values[0] - values[1], abs=1e-12)
    assert 0 < found.low < found.value < found.high
    back = paired_difference(bad, good)
    assert back.value == pytest.approx(-found.value, abs=1e-12)
    same = paired_difference(good, make_run(noise=0.2, first=30))
    assert same.low < 0 < same.high


def test_a_paired_interval_is_narrower_than_that_of_two_runs():
    a = make_run(seeds=1, noise=0.3, turns=40)
    p = a.predictions
    jitter = np.random.default_rng(3).normal(0, 0.02, p.predicted.shape)
    similar = dataclasses.replace(p, predicted=p.predicted + jitter)
    b = dataclasses.replace(a, predictions=similar)
    single, pair = estimate(a).mean, paired_difference(a, b)
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
    with pytest.raises(ValueError, match="'word': choose from dialogue, speaker, rec"):
        estimate(make_run(), unit="word")


def test_speakers_are_the_unit_if_requested_and_known():
    found = estimate(make_run(), unit="speaker")
    assert (found.unit, found.clusters, found.fewest) == ("speaker", 2, 1)
    assert choose(make_run(known=False), "dialogue").name == "utterance"


def test_a_run_without_predictions_is_refused():
    run = make_run()
    none = {
        f.name: getattr(run.predictions, f.name)[:0]
        for f in dataclasses.fields(Predictions)
    }
    with pytest.raises(ValueError, match="has no predictions to score"):
        estimate(dataclasses.replace(run, predictions=Predictions(**none)))
