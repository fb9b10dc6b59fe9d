"""Degradations of recordings have the measures that their values state."""

import numpy as np
import pytest
from scipy.signal import welch

from affuse.extract.degradations.condition import parse_condition
from affuse.extract.degradations.degradation_record import Draws
from affuse.extract.degradations.reverberation_degradation import impulse_response
from affuse.extract.degradations.signal_levels import rms

RATE = 16_000


def speech(seconds=2.0, seed=1):
    """Return noise with the slow changes of level that speech has."""
    count = round(seconds * RATE)
    rng = np.random.default_rng(seed)
    level = 0.05 * (1.2 + np.sin(np.arange(count) * 2 * np.pi * 3 / RATE))
    return (level * rng.standard_normal(count)).astype(np.float32)


def tone(hertz, seconds=1.0):
    return np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE).astype(
        np.float32
    )


def apply(text, samples, key="a"):
    condition = parse_condition(text)
    draws = Draws(condition.generator(key))
    return condition.degradation.apply(samples, condition.value or 0.0, draws)


def decibels(ratio):
    return 20 * np.log10(ratio)


@pytest.mark.parametrize("name", ["noise", "white"])
@pytest.mark.parametrize("snr", [30, 10, 0, -5])
def test_noise_has_the_stated_signal_to_noise_ratio(name, snr):
    given = speech()
    added = apply(f"{name}:{snr}", given).astype(np.float64) - given
    assert decibels(rms(given) / rms(added)) == pytest.approx(snr, abs=0.1)


def octave_levels(samples):
    """Return the level of four octaves per hertz, in dB."""
    hertz, power = welch(samples, RATE, nperseg=4096)
    edges = (200, 400, 800, 1600, 3200)
    pairs = zip(edges, edges[1:], strict=False)
    bands = [power[(hertz >= low) & (hertz < high)].mean() for low, high in pairs]
    return 10 * np.log10(bands)


@pytest.mark.parametrize(("name", "slope"), [("noise", -3.0), ("white", 0.0)])
def test_noise_has_the_spectrum_of_its_colour(name, slope):
    given = speech(20.0)
    added = apply(f"{name}:0", given) - given
    assert np.diff(octave_levels(added)) == pytest.approx([slope] * 3, abs=0.4)


def test_pink_noise_has_no_power_below_50_hertz():
    given = speech(20.0)
    hertz, power = welch(apply("noise:0", given) - given, RATE, nperseg=16_384)
    assert power[hertz < 45].max() < 1e-3 * power[(hertz > 55) & (hertz < 80)].min()


def test_recordings_have_different_noise_and_the_same_one_the_same():
    given = speech()
    one, again, other = (apply("noise:10", given, key) for key in ("a", "a", "b"))
    assert np.array_equal(one, again)
    assert abs(np.corrcoef(one - given, other - given)[0, 1]) < 0.05


def gain_at(hertz):
    found = apply("telephone", tone(hertz))
    middle = slice(RATE // 4, 3 * RATE // 4)  # without the onset
    return decibels(rms(found[middle]) / rms(tone(hertz)[middle]))


def test_the_telephone_band_has_its_edges():
    assert gain_at(300) == pytest.approx(-3.0, abs=0.1)
    assert gain_at(3400) == pytest.approx(-3.0, abs=0.1)
    assert gain_at(1000) == pytest.approx(0.0, abs=0.05)
    assert gain_at(400) > -0.1
    assert gain_at(3000) > -0.1
    assert gain_at(100) < -60
    assert gain_at(4600) < -30


def decay_time(response):
    """Return RT60 by backward integration of the squared tail (Schroeder, 1965)."""
    energy = np.cumsum(response[:0:-1] ** 2)[::-1]
    level = 10 * np.log10(energy / energy[0])
    times = np.arange(len(level)) / RATE
    fitted = (level < -5) & (level > -25)
    slope, _ = np.polyfit(times[fitted], level[fitted], 1)
    return -60 / slope


@pytest.mark.parametrize("seconds", [0.3, 0.5, 1.5])
def test_reverberation_has_its_time_and_its_direct_sound(seconds):
    response = impulse_response(seconds, Draws(np.random.default_rng(0)))
    assert decay_time(response) == pytest.approx(seconds, rel=0.05)
    assert response[0] == 1
    assert np.sum(response[1:] ** 2) == pytest.approx(1)


def test_reverberation_keeps_the_level_and_fills_a_pause():
    given = np.concatenate([speech(1.0), np.zeros(RATE, np.float32)])
    found = apply("reverberation:1.5", given)
    assert rms(found) == pytest.approx(rms(given), rel=1e-4)
    assert rms(found[RATE : RATE + 1600]) > 0.1 * rms(found[:RATE])
    assert np.abs(found[: RATE // 2]).max() > 0


@pytest.mark.parametrize("amount", [-40, -20, 6])
def test_a_gain_changes_the_level(amount):
    given = 0.2 * tone(440)
    found = apply(f"gain:{amount}", given)
    assert decibels(rms(found) / rms(given)) == pytest.approx(amount, abs=0.1)
    assert np.array_equal(found * 2**15, np.rint(found * 2**15))


def test_a_high_gain_is_limited_to_full_scale():
    found = apply("gain:40", 0.2 * tone(440))
    assert (found.min(), found.max()) == (-1.0, 1 - 2**-15)


@pytest.mark.parametrize("amount", [6, 20])
def test_clipping_limits_the_peak(amount):
    given = 0.5 * speech()
    found = apply(f"clipping:{amount}", given)
    assert decibels(np.abs(found).max() / np.abs(given).max()) == pytest.approx(
        -amount, abs=0.01
    )
    assert np.array_equal(
        found[np.abs(found) < np.abs(found).max()],
        given[np.abs(found) < np.abs(found).max()],
    )


@pytest.mark.parametrize(
    ("name", "low", "high"), [("mp3", 5, 30), ("opus", -5, 15), ("vorbis", 3, 25)]
)
def test_lossy_coding_keeps_the_time_and_adds_errors(name, low, high):
    given = 0.3 * (tone(440, 3.0) + 0.5 * tone(1250, 3.0)) * np.abs(tone(2, 3.0))
    given = given.astype(np.float32)
    found = apply(name, given)
    lags = np.correlate(found[8000:24_000], given[8100:23_900], "valid")
    assert abs(int(lags.argmax()) - 100) <= 2
    assert low < decibels(rms(given) / rms(found - given)) < high + 15


def test_lossy_coding_of_several_minutes_is_written_in_blocks():
    given = speech(200.0)
    assert apply("vorbis", given).shape == given.shape
