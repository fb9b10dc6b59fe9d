"""Requirements for every degradation, built in or of a plug-in."""

import numpy as np
import pytest

from affuse.data import plugins
from affuse.data.plugin_kinds import DEGRADATION_KIND
from affuse.extract.degradations.condition import (
    Condition,
    degradation_named,
    parse_condition,
    parse_identity,
)
from affuse.extract.degradations.degradation_record import Draws

NAMES = plugins.names(DEGRADATION_KIND)
WORDS = ("one", "two", "three")
TEXT = "Well, I don't know -- it is ten o'clock!"


def noise(count, seed=0):
    values = 0.1 * np.random.default_rng(seed).standard_normal(count)
    return values.astype(np.float32)


def example(name):
    kind = degradation_named(name)
    middle = (kind.least + kind.most) / 2
    value = kind.values[0] if kind.values else middle
    return Condition(name, value if kind.unit else None)


def apply(condition, given, key="a"):
    draws = Draws(condition.generator(key), WORDS)
    return condition.degradation.apply(given, condition.value or 0.0, draws)


def of_modality(modality):
    return [n for n in NAMES if degradation_named(n).modality == modality]


def test_built_in_degradations_are_found():
    assert NAMES == [
        *("clipping", "empty", "gain", "mp3", "noise", "opus", "plain"),
        *("reverberation", "telephone", "vorbis", "white", "words"),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_condition_is_parsed_from_its_text_and_its_identity(name):
    condition = example(name)
    assert parse_condition(condition.text) == condition
    assert parse_identity(condition.identity) == condition
    assert condition.label.startswith(name)
    assert condition.degradation.modality in ("audio", "text")
    assert condition.degradation.meaning[0].islower() or name in ("mp3",)


@pytest.mark.parametrize("name", of_modality("audio"))
@pytest.mark.parametrize("count", [1, 2, 399, 16_000])
def test_a_recording_keeps_its_length_and_is_not_changed_in_place(name, count):
    given = noise(count)
    before = given.copy()
    found = apply(example(name), given)
    assert (found.shape, found.dtype) == (given.shape, np.float32)
    assert np.isfinite(found).all()
    assert np.array_equal(given, before)
    assert not np.shares_memory(found, given)


def limits():
    """Yield the conditions at the limits of what each degradation permits."""
    for name in NAMES:
        kind = degradation_named(name)
        if kind.unit:
            ends = {kind.least, kind.most, kind.mildest, -kind.mildest} - {0.0}
            yield from (Condition(name, v) for v in sorted(ends) if kind.permits(v))


@pytest.mark.parametrize("condition", [*limits()], ids=lambda each: each.text)
def test_a_permitted_value_changes_the_input_and_leaves_something(condition):
    assert parse_condition(condition.text) == condition
    if condition.degradation.modality == "text":
        given = f"{TEXT} " * 200
        assert apply(condition, given) not in ("", given)
        return
    given = noise(16_000)
    found = apply(condition, given)
    assert np.abs(found - given).max() > 1e-4
    assert np.sqrt(np.mean(found**2)) > 2**-15  # the step of 16-bit samples


@pytest.mark.parametrize("name", NAMES)
def test_default_values_are_permitted_and_no_value_that_is_no_number_is(name):
    kind = degradation_named(name)
    assert all(map(kind.permits, kind.values))
    assert not any(map(kind.permits, (np.nan, np.inf, -np.inf)))
    assert kind.unit or not kind.values


@pytest.mark.parametrize("name", of_modality("audio"))
def test_a_silent_recording_stays_silent(name):
    found = apply(example(name), np.zeros(4_000, np.float32))
    assert np.abs(found).max() < 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_equal_inputs_give_equal_results(name):
    given = noise(4_000) if name in of_modality("audio") else TEXT
    first, again = (apply(example(name), given) for _ in range(2))
    assert np.array_equal(first, again)


@pytest.mark.parametrize("name", of_modality("audio"))
def test_a_recording_is_changed(name):
    given = noise(16_000)
    assert not np.allclose(apply(example(name), given), given, atol=1e-4)
