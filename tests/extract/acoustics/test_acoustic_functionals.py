"""Acoustic features of signals whose values are known."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from affuse.extract.acoustics import pitch_features, spectrogram
from affuse.extract.acoustics.acoustic_functionals import (
    FEATURES,
    LOUDEST,
    NAMES,
    SHORTEST,
    functionals,
)
from affuse.extract.acoustics.contour_statistics import moments
from affuse.extract.acoustics.feature_records import ordered
from affuse.extract.acoustics.level_features import level_contour
from affuse.extract.acoustics.rhythm_features import onsets

RATE = 16_000


def tone(hertz, seconds=1.0, peak=0.1):
    times = np.arange(int(RATE * seconds)) / RATE
    return (peak * np.sin(2 * np.pi * hertz * times)).astype(np.float32)


def noise(samples=RATE, seed=0, scale=0.1):
    rng = np.random.default_rng(seed)
    return (scale * rng.standard_normal(samples)).astype(np.float32)


def silence(seconds):
    return np.zeros(int(RATE * seconds), np.float32)


def named(samples):
    return dict(zip(NAMES, functionals(samples).tolist(), strict=True))


def test_names_are_unique_and_every_feature_is_documented():
    assert len(set(NAMES)) == len(NAMES) == 81
    assert all(f.unit and f.meaning and f.source for f in FEATURES)
    assert functionals(noise()).shape == (81,)


@pytest.mark.parametrize("hertz", [75, 110, 220, 440])
def test_pitch_of_a_tone(hertz):
    found = named(tone(hertz))
    # In librosa 0.11, the difference function of YIN leaves out the end of the frame,
    # which costs a low pure tone about a tenth of a semitone.
    wanted = 12 * np.log2(hertz / 27.5)
    assert found["pitch_median"] == pytest.approx(wanted, abs=0.12)
    assert found["voiced_share"] == 1
    assert found["pitch_range"] < 0.1
    assert abs(found["pitch_slope"]) < 0.1


def test_220_hertz_is_36_semitones():
    assert named(tone(220))["pitch_median"] == pytest.approx(36, abs=0.05)


def test_slope_of_a_glide():
    phase = np.cumsum(110 * 2 ** (np.arange(RATE) / RATE)) / RATE  # an octave a second
    found = named((0.1 * np.sin(2 * np.pi * phase)).astype(np.float32))
    assert found["pitch_slope"] == pytest.approx(12, abs=0.2)


def test_half_of_it_is_voiced():
    found = named(np.concatenate([tone(200, 1.5), silence(1.5)]))
    assert found["voiced_share"] == pytest.approx(0.5, abs=0.03)
    assert found["voiced_rate"] == pytest.approx(1 / 3)


UNVOICED = {
    "noise": noise(),
    "silence": silence(1.0),
    "an offset": np.full(RATE, 0.3, np.float32),
    "hum below the range": tone(50),
    "a tone above the range": tone(1500) + noise(scale=0.2),
    "an offset with rounding": np.full(RATE, 0.3, np.float32) + noise(scale=1e-7),
}


@pytest.mark.parametrize("name", UNVOICED)
def test_what_is_not_voiced(name):
    found = named(UNVOICED[name])
    assert found["voiced_share"] < 0.02
    if found["voiced_share"] == 0:
        assert found["pitch_median"] == pytest.approx(pitch_features.UNVOICED)
        assert found["pitch_range"] == found["pitch_std"] == found["pitch_slope"] == 0


def test_an_offset_changes_neither_pitch_nor_voicing():
    plain, shifted = named(tone(220)), named(tone(220) + np.float32(0.2))
    assert shifted["voiced_share"] == 1
    assert shifted["pitch_median"] == pytest.approx(plain["pitch_median"], abs=1e-3)


def test_level_of_a_sine_20_decibels_under_full_scale():
    found = named(tone(440, peak=0.1))
    assert found["level_mean"] == pytest.approx(-20, abs=1e-3)
    assert found["level_range"] == pytest.approx(0, abs=0.01)


def test_level_of_a_square_wave_of_full_scale():
    found = named(np.where(tone(200) >= 0, 1, -1).astype(np.float32))
    assert found["level_mean"] == pytest.approx(10 * np.log10(2), abs=1e-5)


def test_twice_the_amplitude_adds_six_decibels_to_the_level_alone():
    # loud enough that every frame stays above all absolute thresholds
    wave = tone(200, 2.0) * (1 + np.sin(np.arange(2 * RATE) / 4000)) + noise(2 * RATE)
    plain, doubled = named(wave), named(2 * wave)
    moved = {"mfcc0_mean"}
    for name in NAMES:
        wanted = plain[name]
        if name in ("level_mean", "level_p20", "level_p50", "level_p80"):
            wanted += 20 * np.log10(2)
        if name not in moved:
            assert doubled[name] == pytest.approx(wanted, abs=1e-4, rel=1e-4), name
    assert doubled["mfcc0_mean"] > plain["mfcc0_mean"]


def test_level_of_silence_is_the_floor():
    found = named(silence(1.0))
    assert found["level_mean"] == found["level_p20"] == -100
    assert found["level_std"] == 0


def clicks(times, seconds):
    wave = silence(seconds)
    wave[(np.array(times) * RATE).astype(int)] = 1
    return wave


def test_clicks_give_the_rate_and_the_times_of_onsets():
    times = [0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75]
    wave = clicks(times, 2.0)
    assert named(wave)["onset_rate"] == 3.5
    found = onsets(spectrogram.spectrogram(wave)) * 0.01
    # A frame lasts 32 ms, so it begins up to that much before its click.
    np.testing.assert_allclose(found, times, atol=0.035)


@pytest.mark.parametrize("wave", [noise(4 * RATE), tone(220, 4.0), silence(4.0)])
def test_a_steady_sound_has_no_onset(wave):
    assert named(wave)["onset_rate"] == 0


def test_pauses_and_peaks_of_syllables():
    syllable = tone(150, 0.2) * np.hanning(3200).astype(np.float32)
    words = np.concatenate([np.tile(syllable, 4), silence(0.5)])
    found = named(np.tile(words, 2))
    assert found["pause_count"] == 2
    assert found["pause_length"] == pytest.approx(0.5, abs=0.08)
    assert found["pause_share"] == pytest.approx(1 / 2.6, abs=0.06)
    assert found["peak_rate"] == pytest.approx(8 / 2.6)


def test_silence_is_one_pause():
    found = named(silence(1.0))
    assert (found["pause_count"], found["pause_share"]) == (1, 1)
    assert found["pause_length"] == pytest.approx(0.94)  # of 94 frames
    assert found["peak_rate"] == found["voiced_rate"] == found["onset_rate"] == 0


def test_shape_of_the_spectrum():
    high, low, white = named(tone(3000)), named(tone(300)), named(noise())
    assert high["centroid_mean"] == pytest.approx(3000, rel=0.01)
    assert low["centroid_mean"] == pytest.approx(300, rel=0.01)
    assert white["flatness_mean"] > 0.5 > 0.01 > low["flatness_mean"]
    assert white["flux_mean"] > 0.5 > 0.05 > low["flux_mean"]
    assert low["slope_500_1500_mean"] < -10
    assert abs(white["slope_500_1500_mean"]) < 5


EXTREMES = {
    "silence": silence(1.0),
    "the shortest": noise(SHORTEST),
    "the shortest silence": silence(0.1),
    "one click": clicks([0.5], 1.0),
    "an offset": np.full(RATE, -1.0, np.float32),
    "a square wave": np.where(tone(220) >= 0, 1, -1).astype(np.float32),
    "every second sample": np.tile([1, -1], RATE // 2).astype(np.float32),
    "denormal": noise(scale=1e-40),
    "the loudest": np.where(noise() > 0, LOUDEST, -LOUDEST).astype(np.float32),
    "a step": np.repeat([0, 1], RATE // 2).astype(np.float32),
}


@pytest.mark.parametrize("name", EXTREMES)
def test_extremes_are_finite(name):
    assert np.isfinite(functionals(EXTREMES[name])).all()


def test_repetition_and_threads_give_the_same_bytes():
    waves = [noise(8_000 + 777 * seed, seed) + tone(200, 5)[: 8_000 + 777 * seed]
             for seed in range(4)]  # fmt: skip
    alone = [functionals(wave).tobytes() for wave in waves]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda wave: functionals(wave).tobytes(), waves * 2))
    assert together == alone * 2


def test_the_waveform_is_left_as_it_is():
    wave = noise()
    kept = wave.copy()
    functionals(wave)
    np.testing.assert_array_equal(wave, kept)


def test_chunks_change_nothing(monkeypatch):
    wave = noise(3 * RATE) + tone(180, 3.0)
    track, spectra, level = (
        pitch_features.pitch_track(wave),
        spectrogram.spectrogram(wave),
        level_contour(wave),
    )
    monkeypatch.setattr(pitch_features, "CHUNK", 17)
    monkeypatch.setattr(spectrogram, "CHUNK", 13)
    monkeypatch.setattr("affuse.extract.acoustics.level_features.CHUNK", 11)
    again = pitch_features.pitch_track(wave)
    np.testing.assert_allclose(again.semitones, track.semitones, rtol=1e-5)
    np.testing.assert_array_equal(again.voiced, track.voiced)
    other = spectrogram.spectrogram(wave)
    for name in ("log_mel", "centroid", "flatness", "slopes", "flux"):
        found, wanted = getattr(other, name), getattr(spectra, name)
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(level_contour(wave), level)


def test_no_value_has_no_deviation():
    assert moments(np.empty(0)) == (0, 0)


def test_a_feature_without_a_value_is_an_error_of_the_program():
    with pytest.raises(ValueError, match="pitch_std"):
        ordered(pitch_features.FEATURES, {n: 0.0 for n in NAMES[:5]})
