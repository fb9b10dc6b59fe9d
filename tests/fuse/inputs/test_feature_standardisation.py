import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from affuse.fuse.inputs.feature_standardisation import (
    ColumnScaler,
    demand_variation,
)

RNG = np.random.default_rng(0)
X = RNG.normal(2, 3, (60, 5))
PLACES = [("audio", np.array([0, 1, 2])), ("text", np.array([3, 4]))]


def named(column):
    return f"column {column}"


def standardised(values):
    return ColumnScaler.fitted(values).apply(values, named)


def demand(values):
    demand_variation(values, standardised(values), PLACES, named)


def test_ordinary_columns_are_those_of_scikit_learn():
    found, scaler = ColumnScaler.fitted(X), StandardScaler().fit(X)
    np.testing.assert_allclose(found.mean, scaler.mean_, rtol=1e-14)
    np.testing.assert_allclose(found.scale, scaler.scale_, rtol=1e-14)
    expected = scaler.transform(X)
    seen = found.apply(X, named)
    assert seen.dtype == np.float32
    np.testing.assert_allclose(seen, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("offset", [1e8, -1e8, 1e11])
def test_an_offset_causes_only_rounding_errors_of_float64(offset):
    found = standardised(X + offset)
    rounding = 2 * np.spacing(abs(offset)) / X.std(axis=0).min()
    np.testing.assert_allclose(found, standardised(X), rtol=0, atol=rounding + 1e-6)


@pytest.mark.parametrize("exponent", [-1000, -500, -149, 127, 500, 1000])
def test_the_unit_of_a_column_changes_no_bit(exponent):
    scaled = X.copy()
    scaled[:, 1] = np.ldexp(X[:, 1], exponent)
    assert np.array_equal(standardised(scaled), standardised(X))
    assert ColumnScaler.fitted(scaled).scale[1] == np.ldexp(X[:, 1].std(), exponent)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e300, 1e-300, 1e8 + 1 / 3])
@pytest.mark.parametrize("rows", [3, 7, 60])
def test_a_constant_column_is_0_also_where_it_differs_later(value, rows):
    values = np.column_stack([np.full(rows, value), X[:rows, 0]])
    found = ColumnScaler.fitted(values)
    assert found.scale[0] == 0
    assert found.scale[1] > 0
    later = found.apply(np.array([[1.7e308, 0.0], [-1.7e308, 1.0]]), named)
    assert later[:, 0].tolist() == [0.0, 0.0]
    assert later[:, 1].all()


def test_rounding_is_no_variation():
    for dtype in (np.float32, np.float64):
        values = np.full((60, 2), 0.1, dtype)
        values[::3] = np.nextafter(values[::3], dtype(1))
        values[:, 1] = X[:, 1]
        assert (ColumnScaler.fitted(values).scale > 0).tolist() == [False, True]


def test_unused_columns_are_0():
    found = ColumnScaler.fitted(X, np.array([3, 1]))
    assert (found.scale > 0).tolist() == [False, True, False, True, False]
    values = X.copy()
    values[:, [0, 2, 4]] *= 1e300
    assert not found.apply(values, named)[:, [0, 2, 4]].any()


@pytest.mark.parametrize("value", [1e40, -1.7e308])
def test_values_beyond_float32_are_refused_by_row_and_column(value):
    later = X.copy()
    later[[17, 40], 3] = value
    with pytest.raises(
        ValueError, match=r"column 3 has a value of .*e\+.* in row 17, .* 2 rows of 60:"
    ):
        ColumnScaler.fitted(X).apply(later, named)


def test_ordinary_rows_are_not_refused():
    demand(X)
    demand(X.astype(np.float32))
    demand(X + 1e8)


def test_an_offset_that_was_rounded_away_is_refused():
    sentence = "rows to train on are equal in every column of text after round"
    offset = np.where(np.arange(5) > 2, 1e8, 0)
    with pytest.raises(
        ValueError, match=rf"{sentence}.* column 3 is between .*1000000"
    ):
        demand((X + offset).astype(np.float32))
    with pytest.raises(ValueError, match=sentence):
        demand(X + 1e8 * offset)


def test_an_outlier_that_rounds_all_other_rows_to_one_is_refused():
    values = X.copy()
    values[5, :3] = 1e30
    with pytest.raises(ValueError, match="every column of audio .* rows far away from"):
        demand(values)


def test_columns_that_are_mostly_one_value_are_not_refused():
    rare = (RNG.uniform(size=X.shape) < 0.1).astype(float)
    demand(rare)
    values = X.copy()
    values[5, 0] = 1e30  # the other columns of the modality tell rows apart
    demand(values)


def test_a_modality_without_variation_is_warned_of():
    values = X.copy()
    values[:, 3:] = 0
    with pytest.warns(UserWarning, match="nothing is learnt from text"):
        demand(values)
    with pytest.raises(ValueError, match="each column of X has a single value in the"):
        demand(np.ones_like(X))
