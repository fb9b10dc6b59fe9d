import math

import numpy as np
import pytest

from affuse.data.rating_scales import normalise, rescale

SCALES = [(1, 5), (1, 7), (1.1, 5.3), (0.1, 0.7), (-3, 3), (0, 100), (1, 5.5)]


@pytest.mark.parametrize(("low", "high"), SCALES)
def test_rescaling_is_linear_and_has_an_inverse(low, high):
    for place in np.linspace(-0.2, 1.2, 15):
        value = low + place * (high - low)
        # the ends go to -1 and 1, the middle to 0; float64 arithmetic
        assert rescale(value, low=low, high=high) == pytest.approx(2 * place - 1)


@pytest.mark.parametrize(("low", "high"), SCALES)
@pytest.mark.parametrize("policy", ["clip", "drop"])
def test_the_ends_of_a_scale_map_to_minus_one_and_one(low, high, policy):
    # without care 5.3 on 1.1 to 5.3 becomes 1.0000000000000002, and is dropped
    found = normalise({"a": high, "b": low}, scale=(low, high), policy=policy)
    assert found == pytest.approx({"a": 1.0, "b": -1.0})
    assert all(-1 <= value <= 1 for value in found.values())


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("clip", {"valence": 1.0, "arousal": -1.0, "dominance": 0.5}),
        ("keep", {"valence": 1.25, "arousal": -1.25, "dominance": 0.5}),
        ("drop", None),
    ],
)
def test_the_policy_decides_on_ratings_outside_the_scale(policy, expected):
    released = {"valence": 5.5, "arousal": 0.5, "dominance": 4}
    assert normalise(released, scale=(1, 5), policy=policy) == expected
    assert released == {"valence": 5.5, "arousal": 0.5, "dominance": 4}


@pytest.mark.parametrize("policy", ["clip", "keep", "drop"])
def test_no_ratings_give_no_ratings(policy):
    assert normalise({}, scale=(1, 5), policy=policy) == {}


def test_an_unknown_policy_is_refused_with_the_choices():
    with pytest.raises(ValueError, match="one of clip, keep, drop, got 'guess'"):
        normalise({}, scale=(1, 5), policy="guess")


@pytest.mark.parametrize("policy", ["clip", "keep", "drop"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_ratings_that_are_not_finite_are_refused(value, policy):
    with pytest.raises(ValueError, match="must be numbers, got .*: -?(nan|inf)}"):
        normalise({"valence": value}, scale=(1, 5), policy=policy)
