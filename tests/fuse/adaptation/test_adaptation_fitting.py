import dataclasses

import numpy as np
import pytest
from rated_clips import Rater, draw

from affuse.fuse.adaptation.adaptation import Adaptation, AdaptedRating, apply
from affuse.fuse.adaptation.adaptation_fitting import RatedClips, fit
from affuse.fuse.adaptation.adaptation_sentences import describe, summarise
from affuse.fuse.adaptation.clip_inputs import ClipInputs, divide_groups, group_clips
from affuse.fuse.adaptation.rating_maps import (
    REACH,
    RatingMap,
    RidgeMap,
    shrunken_map,
    standardise,
)
from affuse.fuse.adaptation.ridge_fitting import PENALTIES, fit_ridge
from affuse.fuse.calibration.conformal import Width
from affuse.fuse.scoring.affine import IDENTITY, AffineMap, concordant
from affuse.fuse.scoring.metrics import ccc

BOTH = Rater(gain=0.5, offset=0.3, correlation=0.9)


def clips(rater=BOTH, count=40, *, seed=0):
    return draw(rater, count, np.random.default_rng(seed))


def joined(*parts):
    """Return clips with several ratings: `parts` are (name, clips) of one rating."""
    names, each = zip(*parts, strict=True)
    return RatedClips(
        targets=names,
        inputs=ClipInputs(np.hstack([c.inputs.mean for c in each])),
        spread=np.hstack([c.spread for c in each]),
        truth=np.hstack([c.truth for c in each]),
        speakers=each[0].speakers,
    )


def rows_of(found, count):
    """Return the clips with only the first `count` of them rated."""
    truth = np.where(np.arange(len(found.truth))[:, None] < count, found.truth, np.nan)
    return dataclasses.replace(found, truth=truth)


# the maps


def test_few_clips_move_the_map_less_than_many():
    found = clips(count=400)
    truth, predicted = found.truth[:, 0], found.inputs.mean[:, 0]
    full = concordant(truth, predicted)
    for count in (20, 400):
        line = shrunken_map(truth[:count], predicted[:count])
        target = concordant(truth[:count], predicted[:count])
        assert 1 < line.slope < target.slope
        share = np.log(line.slope) / np.log(target.slope)
        assert share == pytest.approx(count / (count + 5))
    assert line.slope == pytest.approx(full.slope, rel=0.02)
    assert shrunken_map(truth, -predicted) == IDENTITY
    assert shrunken_map(truth, np.zeros(400)) == IDENTITY


def test_an_adapted_rating_stays_on_the_scale():
    steep = RatingMap("affine", AffineMap(5.0, 0.0))
    inputs = ClipInputs(np.array([[-0.9], [0.1], [0.9]]))
    assert steep(inputs, 0).tolist() == [-1, 0.5, 1]
    unchanged = ClipInputs(np.array([[1.2]]))
    assert RatingMap()(unchanged, 0).tolist() == [1.2]


def test_held_out_predictions_of_a_ridge_equal_those_of_separate_fits():
    found = clips(Rater(codes=True, told=0.5, speakers=8), 30)
    truth, inputs = found.truth[:, 0], found.inputs
    folds = divide_groups(group_clips(found.speakers).numbers, 4)
    fitted = fit_ridge(truth, inputs, folds)
    together = np.hstack([inputs.mean, inputs.codes])
    centre, scale = together.mean(axis=0), together.std(axis=0)
    size = np.sqrt(inputs.codes.shape[1])
    z = standardise(together, centre, scale)
    z[:, 1:] /= size
    z -= z.mean(axis=0)
    best = -1.0
    for penalty in PENALTIES:
        predicted = np.empty_like(truth)
        for rest, held in folds:
            # an intercept without a penalty, as another column
            x = np.hstack([z[rest], np.ones((len(rest), 1))])
            ridge = np.diag([*np.full(z.shape[1], penalty * len(z)), 0.0])
            weights = np.linalg.solve(x.T @ x + ridge, x.T @ truth[rest])
            predicted[held] = z[held] @ weights[:-1] + weights[-1]
        if (r := np.corrcoef(truth, predicted)[0, 1]) > best:
            best, chosen = r, predicted
    expected = shrunken_map(truth, chosen)(chosen)
    np.testing.assert_allclose(fitted.held_out, expected, atol=1e-9)
    error = truth - fitted.ridge(inputs)
    assert np.square(error).mean() < np.square(truth - expected).mean()


def test_inputs_far_from_the_rated_clips_are_clipped():
    ridge = RidgeMap(np.zeros(2), np.ones(2), np.array([0.0, 0.1]), 0.2)
    inputs = ClipInputs(np.zeros((3, 1)), np.array([[1.0], [1e6], [-1e6]]))
    expected = [0.3, 0.2 + 0.1 * REACH, 0.2 - 0.1 * REACH]
    np.testing.assert_allclose(ridge(inputs), expected)


# groups


def test_speakers_are_held_out_if_five_are_known():
    assert group_clips(("a", "b", "c", "d", "a")).unit == "clip"
    found = group_clips(("a", "b", "c", "d", "e", "a", "", ""))
    assert (found.unit, found.count) == ("speaker", 7)
    numbers = found.numbers
    assert numbers[0] == numbers[5]
    assert numbers[6] != numbers[7]
    for rest, held in divide_groups(numbers, 3):
        assert not set(numbers[rest]) & set(numbers[held])


# the fit


def test_each_rating_is_adapted_alone_and_the_others_stay():
    many = joined(
        ("valence", clips(seed=1)),
        ("arousal", clips(Rater(), seed=2)),
        ("dominance", rows_of(clips(seed=3), 19)),
    )
    adaptation = fit(many)
    assert adaptation.kept == ("valence",)
    found = apply(adaptation, many.inputs, many.spread)
    assert (found.mean[:, 1:] == many.inputs.mean[:, 1:]).all()
    assert np.isnan(found.low[:, 1:]).all()
    line = adaptation.ratings["valence"].map.line
    np.testing.assert_allclose(found.spread[:, 0], 0.05 * line.slope)
    covered = (found.low <= many.truth) & (many.truth <= found.high)
    assert covered[:, 0].mean() >= 0.85
    said = list(describe(adaptation))
    assert said[0].startswith("valence: adapted by offset and gain: gain 1.")
    assert "CCC of 40 held-out clips" in said[0]
    assert "90% interval +" in said[0]
    assert said[1].startswith("arousal: not adapted: ")
    assert said[2] == (
        "dominance: not adapted: it has 19 rated clips, and 20 are needed"
    )
    assert "fewer than five speakers" in said[3]
    assert "; not adapted: arousal, dominance; inter" in summarise(adaptation)


def test_too_few_clips_are_an_error_with_their_numbers():
    few = joined(("valence", clips(count=19)), ("arousal", rows_of(clips(count=19), 3)))
    with pytest.raises(ValueError, match="at least 20 clips .*19 with valence, 3 with"):
        fit(few)


def test_equal_ratings_are_not_adapted():
    same = clips()
    adaptation = fit(dataclasses.replace(same, truth=np.zeros_like(same.truth)))
    assert adaptation.kept == ()
    assert summarise(adaptation) == ""
    assert next(describe(adaptation)).endswith("all its ratings are equal")


@pytest.mark.parametrize(
    "changed", [{"codes": None}, {"codes": np.zeros((40, 0))}], ids=["none", "empty"]
)
def test_models_without_codes_are_adapted_by_offset_and_gain(changed):
    found = clips()
    inputs = dataclasses.replace(found.inputs, **changed)
    adaptation = fit(dataclasses.replace(found, inputs=inputs))
    assert adaptation.ratings["valence"].map.kind == "affine"


def test_codes_help_and_clips_without_codes_get_offset_and_gain():
    rater = Rater(codes=True, told=0.6, offset=0.3, correlation=0.5)
    found = clips(rater, 80)
    found.inputs.codes[::10] = np.nan
    adaptation = fit(found)
    rating = adaptation.ratings["valence"]
    assert rating.map.kind == "regression"
    fresh = clips(rater, 200, seed=1)
    truth = fresh.truth[:, 0]
    with_codes = apply(adaptation, fresh.inputs, fresh.spread)
    assert with_codes.without_codes == 0
    bare = ClipInputs(fresh.inputs.mean)
    without = apply(adaptation, bare, fresh.spread)
    assert without.without_codes == 200
    line = rating.map.line(fresh.inputs.mean)
    np.testing.assert_allclose(without.mean, np.clip(line, -1, 1))
    assert ccc(truth, with_codes.mean[:, 0]) > ccc(truth, without.mean[:, 0]) + 0.05
    assert "by ridge regression on predictions and codes" in summarise(adaptation)


def test_an_adaptation_of_another_model_is_refused():
    ridge = RidgeMap(np.zeros(3), np.ones(3), np.zeros(3), 0.0)
    rating = AdaptedRating(
        RatingMap("regression", IDENTITY, ridge), Width(0.1, 1.0, 0.0)
    )
    adaptation = Adaptation(0.9, 2, {"valence": rating})
    blank = np.zeros((4, 1))
    assert apply(adaptation, ClipInputs(blank, np.zeros((4, 2))), blank).clipped == 0
    with pytest.raises(ValueError, match="codes of size 2, .* size 5; adapt"):
        apply(adaptation, ClipInputs(blank, np.zeros((4, 5))), blank)
    with pytest.raises(ValueError, match=r"for 1 ratings \(valence\), .* predicts 2"):
        apply(adaptation, ClipInputs(np.zeros((4, 2))), np.zeros((4, 2)))


def test_clipped_values_are_counted_and_bounds_stay_on_the_scale():
    rating = AdaptedRating(
        RatingMap("affine", AffineMap(2.0, 0.0)), Width(0.3, 1.0, 0.0)
    )
    adaptation = Adaptation(0.9, 0, {"valence": rating})
    mean = np.array([[-0.8], [0.2], [0.45]])
    found = apply(adaptation, ClipInputs(mean), np.full((3, 1), 0.1))
    assert found.clipped == 1
    np.testing.assert_allclose(found.mean[:, 0], [-1, 0.4, 0.9])
    np.testing.assert_allclose(found.low[:, 0], [-1, 0.1, 0.6])
    np.testing.assert_allclose(found.high[:, 0], [-0.7, 0.7, 1])
    np.testing.assert_allclose(found.spread, 0.2)


def test_no_interval_is_given_if_the_level_takes_more_clips():
    adaptation = fit(clips(), level=0.99)
    rating = adaptation.ratings["valence"]
    assert rating.kept
    assert rating.width is None
    found = apply(adaptation, clips().inputs, clips().spread)
    assert np.isnan(found.high).all()
