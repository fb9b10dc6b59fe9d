import audmetric
import numpy as np
import pytest

from affuse.fuse.scoring.metrics import ccc, pearson, rmse, split_ccc

TRUTH = np.random.default_rng(0).uniform(-1, 1, 50)
NOISE = np.random.default_rng(1).normal(0, 0.3, 50)


@pytest.mark.parametrize("shift", [0.0, 0.5, -3.0])
def test_shifted_prediction_has_closed_form(shift):
    # p = t + c: cov = var(t) = var(p), so ccc = 2v / (2v + c^2)
    v = TRUTH.var()
    expected = 2 * v / (2 * v + shift**2)
    assert ccc(TRUTH, TRUTH + shift) == pytest.approx(expected, abs=1e-12)  # float64


@pytest.mark.parametrize("gain", [1.0, 0.5, -1.0, 4.0])
def test_scaled_prediction_has_closed_form(gain):
    # p = g t with mean(t) = 0: ccc = 2g / (1 + g^2)
    t = TRUTH - TRUTH.mean()
    assert ccc(t, gain * t) == pytest.approx(2 * gain / (1 + gain**2), abs=1e-12)


def test_divides_by_n_not_n_minus_1():
    # with n - 1 it is 0.97773
    assert ccc([3, -0.5, 2, 7], [2.5, 0, 2, 8]) == pytest.approx(0.976789, abs=1e-6)


@pytest.mark.parametrize("n", [2, 4, 50])
def test_agrees_with_an_independent_implementation(n):
    t, p = TRUTH[:n], (TRUTH + NOISE)[:n]
    # float64 on both sides
    assert ccc(t, p) == pytest.approx(audmetric.concordance_cc(t, p), abs=1e-12)
    assert pearson(t, p) == pytest.approx(audmetric.pearson_cc(t, p), abs=1e-12)
    expected = audmetric.mean_squared_error(t, p) ** 0.5
    assert rmse(t, p) == pytest.approx(expected, abs=1e-12)


def test_ccc_is_symmetric_and_does_not_depend_on_the_unit():
    t, p = TRUTH, TRUTH + NOISE
    assert ccc(p, t) == pytest.approx(ccc(t, p), abs=1e-12)
    assert ccc(2 * t + 3, 2 * p + 3) == pytest.approx(ccc(t, p), abs=1e-12)


def test_the_same_constant_has_an_undefined_ccc():
    assert np.isnan(ccc([0.1] * 3, [0.1] * 3))
    assert np.isnan(ccc([2], [2]))


@pytest.mark.parametrize("truth", [TRUTH[:3], [0.1] * 3])
def test_another_constant_has_a_ccc_of_zero(truth):
    # 0.7 three times has a mean that is not 0.7, yet its variance must be 0
    assert ccc(truth, [0.7] * 3) == 0
    assert np.isnan(pearson(truth, [0.7] * 3))


def test_pearson_ignores_shift_and_gain_but_not_sign():
    assert pearson(TRUTH, 3 - 0.01 * TRUTH) == pytest.approx(-1, abs=1e-12)


@pytest.mark.parametrize(("gain", "shift"), [(1, 0), (0.5, 0.2), (3, -1), (-0.8, 0.1)])
def test_parts_have_their_closed_form(gain, shift):
    # p = g t + c with mean(t) = 0: rho = sign(g), v = |g|, u = c / (sd sqrt(|g|))
    t = TRUTH - TRUTH.mean()
    found = split_ccc(t, gain * t + shift)
    assert found.correlation == pytest.approx(np.sign(gain), abs=1e-12)
    assert found.scale == pytest.approx(abs(gain), abs=1e-12)
    location = shift / (t.std() * np.sqrt(abs(gain)))
    assert found.location == pytest.approx(location, abs=1e-12)
    bias = 2 / (abs(gain) + 1 / abs(gain) + location**2)
    assert found.bias == pytest.approx(bias, abs=1e-12)


def test_ccc_is_the_product_of_its_parts():
    p = 0.6 * TRUTH + NOISE + 0.2
    found = split_ccc(TRUTH, p)
    product = found.correlation * found.bias
    assert product == pytest.approx(ccc(TRUTH, p), abs=1e-12)
    assert found.correlation == pearson(TRUTH, p)


@pytest.mark.parametrize(
    ("truth", "prediction", "scale"),
    [
        ([0, 1], [0.7] * 2, 0),
        ([0.7] * 2, [0, 1], np.inf),
        ([0.7] * 2, [0.1] * 2, np.nan),
    ],
)
def test_a_constant_has_no_parts(truth, prediction, scale):
    found = split_ccc(truth, prediction)
    assert np.isnan([found.correlation, found.location]).all()
    assert found.bias == 0
    np.testing.assert_equal(found.scale, scale)


@pytest.mark.parametrize("metric", [ccc, pearson, rmse, split_ccc])
@pytest.mark.parametrize(
    ("truth", "prediction", "match"),
    [
        ([1, 2], [1, 2, 3], r"truth has shape \(2,\), prediction \(3,\)"),
        ([], [], "n at least 1"),
        ([[1, 2]], [[1, 2]], r"both must be \(n,\)"),
        ([1, 2], [1, float("nan")], "prediction has 1 of 2 values .* first at 1"),
        ([float("inf"), 2], [1, 2], "truth has 1 of 2 values"),
    ],
)
def test_bad_input_is_an_error(metric, truth, prediction, match):
    with pytest.raises(ValueError, match=match):
        metric(truth, prediction)
