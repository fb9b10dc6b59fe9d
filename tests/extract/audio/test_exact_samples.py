"""Samples of 16 bits have the digest of `fingerprint`, which hashes rounded floats."""

import numpy as np
import pytest
import soundfile
from sound_files import RATE

from affuse.data.cache.recording_spans import SILENT
from affuse.extract.audio import decoding, exact_samples
from affuse.extract.audio.sample_checks import is_silent
from affuse.extract.audio.sample_digest import fingerprint

EVERY = np.arange(-(2**15), 2**15).astype(np.int16)


def decode(path, **options):
    return decoding.decode(path, longest=60, has_digest=True, **options)


@pytest.mark.parametrize("form", ["wav", "flac"])
@pytest.mark.parametrize("block", [2**18, 1000])
def test_every_value_has_the_digest_of_its_float(tmp_path, monkeypatch, form, block):
    monkeypatch.setattr(exact_samples, "DECODED", block)
    path = tmp_path / f"a.{form}"
    soundfile.write(path, EVERY, RATE, subtype="PCM_16")
    decoded = decode(path)
    assert (decoded.samples == EVERY / 2**15).all()
    assert decoded.digest == fingerprint(decoded.samples)
    assert not decoded.is_silent


@pytest.mark.parametrize("amplitude", [0, 1, 3, 4, -3, -4, -(2**15)])
def test_silence_is_that_of_the_floats(tmp_path, amplitude):
    path = tmp_path / "a.wav"
    values = np.zeros(100, np.int16)
    values[7] = amplitude
    soundfile.write(path, values, RATE)
    decoded = decode(path)
    assert decoded.is_silent == is_silent(decoded.samples) == (abs(amplitude) < 4)
    assert (decoded.digest == SILENT) == decoded.is_silent


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (RATE, 2)])
def test_other_samples_are_converted_before_they_are_hashed(tmp_path, rate, channels):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.stack([EVERY] * channels, axis=1), rate)
    decoded = decode(path)
    assert decoded.digest == fingerprint(decoded.samples)


def test_a_digest_is_computed_only_if_it_is_asked_for(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, EVERY, RATE)
    assert decoding.decode(path, longest=60).digest == ""
