import dataclasses
import json

import numpy as np
import pytest
from learnable_corpus import corpus, embeddings
from scipy.optimize import minimize
from small_caches import remove_from_manifests
from trained_runs import file_contents, train_run

from affuse.data.runs.run_folder import ModelFolder
from affuse.data.runs.run_predictions import read_run, write_predictions
from affuse.fuse.calibration import (
    calibration_fitting,
    calibration_scores,
    conformal,
    rejection,
)
from affuse.fuse.commands.calibrate_command import calibrate
from affuse.fuse.scoring import affine
from affuse.fuse.scoring.affine import IDENTITY, AffineMap
from affuse.fuse.scoring.metrics import ccc
from affuse.fuse.trained import fold_predictions
from affuse.fuse.trained.fold_predictions import PredictedPart

TARGETS = ("valence", "arousal")


def pair(count=200, *, seed=0, noise=0.5):
    """Ratings, and predictions of the same mean and about the same deviation."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 0.4, count)
    return truth, truth + rng.normal(0, noise * 0.4, count)


def part(truth, predicted, *, speakers=None, fold="f"):
    """One part; `predicted` (seeds, n, targets), speakers counted from 0."""
    groups = np.arange(len(truth)) if speakers is None else speakers
    return PredictedPart(
        fold=fold,
        ids=np.array([f"u{k:05d}" for k in range(len(truth))]),
        speakers=tuple("" if speakers is None else f"s{g}" for g in groups),
        truth=truth,
        predicted=predicted,
        groups=groups,
    )


def simulated(count, rng, *, seeds=3, speakers=None, between=0.0):
    """Exchangeable ratings of two targets, predicted too low and too timidly."""
    truth = rng.normal(0.2, 0.3, (count, len(TARGETS)))
    error = rng.normal(0, 0.2, truth.shape)
    if speakers is not None:
        shift = rng.normal(0, between, (speakers.max() + 1, len(TARGETS)))
        error += shift[speakers]
    each = 0.5 * (truth + error) - 0.3
    return part(
        truth, each + rng.normal(0, 0.02, (seeds, *truth.shape)), speakers=speakers
    )


def edges(rng, count=2_000):
    """Ratings of both ends of the scale, and predictions as those of `simulated`."""
    truth = rng.uniform(-1, 1, (count, len(TARGETS)))
    return truth, (0.5 * truth - 0.3) + rng.normal(0, 0.1, (3, *truth.shape))


def fit_calibration(found, **changes):
    settings = {"targets": TARGETS, "seeds": (0, 1, 2), "clip": False, **changes}
    return calibration_fitting.fit([found], **settings)


# the map


@pytest.mark.parametrize("noise", [0.1, 0.5, 2.0])
def test_the_map_has_the_highest_ccc_of_all_lines(noise):
    truth, predicted = pair(noise=noise)
    line = affine.concordant(truth, predicted)

    def lost(found):
        return -ccc(truth, found[0] * predicted + found[1])

    best = minimize(lost, [1.0, 0.0], method="Nelder-Mead", tol=1e-10)
    assert ccc(truth, line(predicted)) == pytest.approx(-best.fun, abs=1e-8)
    assert (line.slope, line.offset) == pytest.approx(best.x, abs=1e-3)


def test_planted_errors_of_scale_and_location_are_corrected():
    truth, predicted = pair(noise=0.0)
    line = affine.concordant(truth, 3 * predicted - 2)
    assert (line.slope, line.offset) == pytest.approx((1 / 3, 2 / 3))
    assert ccc(truth, line(3 * predicted - 2)) == pytest.approx(1.0)


@pytest.mark.parametrize("predicted", [[3, 2, 1.0], [1, 1, 1.0], [0, 1, 0.0]])
def test_without_a_positive_correlation_nothing_is_mapped(predicted):
    truth, predicted = np.array([1, 2, 3.0]), np.array(predicted)
    assert affine.concordant(truth, predicted) == IDENTITY
    assert affine.least_squares(truth, predicted) == AffineMap(0.0, 2.0)


def test_leave_one_out_errors_equal_those_of_refitted_lines():
    truth, predicted = pair(12)
    expected = []
    for k in range(12):
        rest = np.arange(12) != k
        slope, offset = np.polyfit(predicted[rest], truth[rest], 1)
        expected.append(truth[k] - slope * predicted[k] - offset)
    np.testing.assert_allclose(
        affine.leave_one_out_errors(truth, predicted), expected, rtol=1e-9
    )
    flat = affine.leave_one_out_errors(truth, np.zeros(12))
    np.testing.assert_allclose(flat, (truth - truth.mean()) * 12 / 11)


# the intervals


@pytest.mark.parametrize(("level", "rank"), [(0.9, 18), (0.5, 10), (0.95, 19)])
def test_without_groups_the_quantile_is_that_of_split_conformal(level, rank):
    scores = np.random.default_rng(0).permutation(19).astype(float)
    assert rank == np.ceil(20 * level)
    assert conformal.quantile(scores, np.arange(19), level) == rank - 1


def test_every_speaker_weighs_the_same():
    scores = np.array([*np.zeros(90), *np.arange(1.0, 11)])
    groups = np.array([0] * 90 + [1] * 10)
    assert conformal.quantile(scores, groups, 0.5) == 5.0  # 1/3 + 5/30
    assert conformal.quantile(scores, groups, 0.7) == np.inf  # 2/3 at most


def test_too_few_utterances_give_an_infinite_interval():
    for level in (0.5, 0.8, 0.9, 0.95):
        count = conformal.least_count(level)
        assert np.isfinite(conformal.quantile(np.ones(count), np.arange(count), level))
        fewer = np.arange(count - 1)
        assert conformal.quantile(np.ones(len(fewer)), fewer, level) == np.inf


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_exchangeable_ratings_are_covered_as_promised(level):
    rng = np.random.default_rng(1)
    covered, widths = [], []
    for _ in range(60):
        found = fit_calibration(simulated(60, rng), level=level)
        assert found.by == "utterance"
        said = calibration_scores.apply([simulated(200, rng)], found)
        figures = calibration_scores.measure(said, found)
        covered += [m.coverage for m in figures.values()]
        widths += [m.width for m in figures.values()]
    # 120 calibrations of 60: the mean is known to sqrt(.9 * .1 / 62 / 120) = .0035
    assert level - 0.012 < np.mean(covered) < level + 1 / 61 + 0.015
    expected = conformal.coverage_tolerance(level, [(60, 200)])
    assert 2 * np.std(covered) == pytest.approx(expected, rel=0.25)
    # errors of the best line have deviation .3 * .2 / sqrt(.3^2 + .2^2) = .166
    assert np.mean(widths) < 1.1 * 2 * 0.166 * {0.5: 0.674, 0.9: 1.645}[level]


def test_new_speakers_are_covered_as_promised_and_by_utterance_they_are_not():
    rng = np.random.default_rng(2)
    speakers = np.repeat(np.arange(12), [40, 5] * 6)
    covered = {"utterance": [], "speaker": []}
    for _ in range(60):
        old = simulated(len(speakers), rng, speakers=speakers, between=0.3)
        new = simulated(len(speakers), rng, speakers=speakers, between=0.3)
        for by, shares in covered.items():
            found = fit_calibration(old, by=by)
            said = calibration_scores.apply([new], found)
            for m in calibration_scores.measure(said, found).values():
                shares.append(np.mean([*m.by_speaker.values()]))
    assert np.mean(covered["speaker"]) > 0.9
    assert np.mean(covered["utterance"]) < np.mean(covered["speaker"]) - 0.02


def test_intervals_widen_where_seeds_disagree_if_that_makes_them_narrower():
    rng = np.random.default_rng(3)
    spread = rng.uniform(0.01, 1, 500)
    errors = rng.normal(0, spread)
    groups = np.arange(500)
    assert conformal.fit(errors, spread, groups, 0.9).weight == 1
    shuffled = rng.permutation(spread)  # says nothing of these errors
    same = conformal.fit(errors, shuffled, groups, 0.9)
    assert (same.weight, same.floor) == (0, 1)
    assert same.quantile == np.sort(np.abs(errors))[450]  # the 451st of 500
    assert conformal.fit(errors, np.zeros(500), groups, 0.9) == same


def test_an_interval_holds_the_mapped_prediction_and_stays_on_the_scale():
    rng = np.random.default_rng(4)
    found = fit_calibration(simulated(100, rng), clip=True)
    (calibration, _) = found.folds["f"]
    predicted = np.linspace(-1, 1, 50)
    mapped = calibration.map_predictions(predicted)
    low, high = calibration.bounds(predicted, np.zeros(50), clip=False)
    assert ((low <= mapped) & (mapped <= high)).all()
    assert (np.abs(mapped) > 1).any()
    mapped = calibration.map_predictions(predicted, clip=True)
    low, high = calibration.bounds(predicted, np.zeros(50), clip=True)
    assert (low >= -1).all()
    assert (high <= 1).all()
    assert ((low <= mapped) & (mapped <= high)).all()


@pytest.mark.parametrize("clip", [True, False])
def test_figures_are_those_of_the_written_predictions(clip):
    # 48 of 2,000 mapped predictions left their clipped interval before
    rng = np.random.default_rng(11)
    found = fit_calibration(simulated(200, rng), clip=clip)
    tested = part(*edges(rng))
    for k, (said,) in enumerate(calibration_scores.apply([tested], found).values()):
        assert ((said.low <= said.mapped) & (said.mapped <= said.high)).all()
        beyond = np.abs(found.folds["f"][k].map(tested.mean[:, k])) > 1
        assert beyond.any()
        assert (np.abs(said.mapped) <= 1).all() == clip
        assert said.beyond == (beyond.sum() if clip else 0)
    figures = calibration_scores.measure(
        calibration_scores.apply([tested], found), found
    )
    mapped = np.stack(
        [c.map(m) for c, m in zip(found.folds["f"], tested.mean.T, strict=True)]
    )
    written = np.clip(mapped, -1, 1) if clip else mapped
    expected = [ccc(t, w) for t, w in zip(tested.truth.T, written, strict=True)]
    assert [m.mapped for m in figures.values()] == pytest.approx(expected)


def test_speakers_are_the_exchangeable_unit_if_there_are_enough():
    rng = np.random.default_rng(5)
    nine, eight = np.arange(90) % 9, np.arange(90) % 8
    assert fit_calibration(simulated(90, rng, speakers=nine)).by == "speaker"
    found = fit_calibration(simulated(90, rng, speakers=eight))
    assert (found.by, found.folds["f"][0].groups) == ("utterance", 90)
    with pytest.raises(ValueError, match="has 8 known speakers .* needs 9; .*--by utt"):
        fit_calibration(simulated(90, rng, speakers=eight), by="speaker")
    with pytest.raises(ValueError, match="has 8 known utterances to validate on"):
        fit_calibration(simulated(8, rng))
    with pytest.raises(ValueError, match="between 0 and 1"):
        fit_calibration(simulated(90, rng), level=1.0)


# what is left out


def test_rejecting_utterances_on_which_seeds_disagree_raises_the_ccc():
    rng = np.random.default_rng(6)
    truth = rng.normal(0, 0.4, (400, 1))
    spread = rng.uniform(0, 0.4, (400, 1))
    each = truth + spread * rng.normal(size=(5, 400, 1))
    found = fit_calibration(part(truth, each), targets=("valence",))
    (folds,) = calibration_scores.apply([part(truth, each)], found).values()
    points = rejection.curve(folds)
    assert [p.kept for p in points] == list(rejection.SHARES)
    assert (points[0].utterances, points[-1].utterances) == (400, 40)
    assert points[0].ccc == ccc(truth[:, 0], folds[0].mapped)
    assert points[-1].ccc > points[0].ccc + 0.02
    assert points[-1].rmse < points[0].rmse / 2
    alone = part(truth, each[:1])
    assert rejection.curve(*calibration_scores.apply([alone], found).values()) == ()


# a run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Two folds would be quicker, but five sessions are what there is."""
    runs = tmp_path_factory.mktemp("calibrated")
    return train_run(runs, "early", seeds=[0, 1], protocol="loso", epochs=2)


def test_a_curve_ends_where_the_remaining_ratings_are_constant():
    truth = np.r_[np.full(40, 0.25), np.linspace(-1, 1, 60)]
    each = np.tile(truth, (2, 1))
    each[:, 40:] += np.array([[0.1], [-0.1]])  # seeds agree where ratings do not vary
    said = calibration_scores.CalibratedFold(
        fold="f",
        truth=truth,
        each=each,
        mean=each.mean(axis=0),
        spread=each.std(axis=0),
        mapped=each.mean(axis=0),
        low=truth,
        high=truth,
        speakers=("",) * 100,
    )
    assert rejection.curve([said])[-1].kept == 0.45


def test_validation_predictions_of_each_model_are_saved(run):
    found = fold_predictions.read_validation_parts(read_run(run))
    assert [p.fold for p in found] == [f"session{k}" for k in range(1, 6)]
    for p in found:
        assert p.predicted.shape == (2, 60, 3)
        assert {speaker[0] for speaker in p.speakers} == {str(int(p.fold[-1]) % 5 + 1)}


def test_test_ratings_do_not_change_a_calibration(run, tmp_path):
    said = calibrate(run, level=0.9, by="auto")
    assert "90% interval holds" in said
    assert f"type python cli.py predict {run} --calibrated" in said
    clean = json.loads((run / "calibration.json").read_text())
    found = read_run(run)
    poisoned = dataclasses.replace(
        found.predictions, truth=1e6 * found.predictions.truth
    )
    path = run / "predictions.csv"
    whole = path.read_bytes()
    try:
        write_predictions(path, poisoned, found.info)
        remove_from_manifests(path)
        calibrate(run, level=0.9, by="auto")
        dirty = json.loads((run / "calibration.json").read_text())
    finally:
        path.write_bytes(whole)
    assert dirty.pop("test") != clean.pop("test")
    assert dirty == clean


def test_poisoned_test_rows_change_no_validation_prediction(tmp_path):
    kept = []
    for bad in (2.0, 3.0):
        found, caches = corpus(), embeddings()
        utterances = tuple(
            dataclasses.replace(
                u, ratings=dict.fromkeys(u.ratings, bad + int(u.id[1:]) % 2)
            )
            if u.session == "5"
            else u
            for u in found.utterances
        )
        found = dataclasses.replace(found, utterances=utterances)
        caches["text"].values[[u.session == "5" for u in utterances]] = bad
        runs = tmp_path / str(bad)
        folder = train_run(runs, "text", epochs=1, found=found, caches=caches)
        files = file_contents(folder)
        kept.append({f: files[f] for f in files if f.name == ModelFolder.validation})
    assert len(kept[0]) == 1
    assert kept[0] == kept[1]


def test_the_figures_are_those_of_the_files(run):
    calibrate(run, level=0.8, by="utterance")
    facts = json.loads((run / "calibration.json").read_text())
    assert (facts["level"], facts["by"], facts["seeds"]) == (0.8, "utterance", [0, 1])
    p = read_run(run).predictions
    single = [
        ccc(p.truth[rows, 0], p.predicted[rows, 0])
        for fold in facts["folds"]
        for seed in (0, 1)
        if (rows := (p.fold == fold) & (p.seed == seed)).any()
    ]
    assert len(single) == 10
    assert facts["test"]["valence"]["single"] == pytest.approx(np.mean(single))
    assert set(facts["test"]["valence"]["by_speaker"]) == {
        u.speaker for u in corpus().utterances
    }


def test_a_run_without_validation_predictions_says_what_to_do(tmp_path):
    folder = train_run(tmp_path, "text", epochs=1)
    path = next(folder.glob(f"*/*/{ModelFolder.validation}"))
    kept = path.read_bytes()
    path.unlink()
    with pytest.raises(ValueError, match="is missing, and SHA256SUMS beside it lists"):
        calibrate(folder, level=0.9, by="auto")
    remove_from_manifests(path)  # as in runs of a version that did not keep it
    with pytest.raises(FileNotFoundError, match="repeat the train command"):
        calibrate(folder, level=0.9, by="auto")
    train_run(tmp_path, "text", epochs=1)
    assert path.read_bytes() == kept
    assert "No rejection curve" in calibrate(folder, level=0.9, by="auto")
    assert not (folder / "rejection.svg").exists()
    path.write_text(kept.decode().replace("u003,", "u999,"))
    remove_from_manifests(path)
    with pytest.raises(ValueError, match="is not of the validation part of fold"):
        calibrate(folder, level=0.9, by="auto")
