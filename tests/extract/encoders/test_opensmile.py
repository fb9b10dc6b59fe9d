"""Functionals of openSMILE as an encoder, with the package and without it."""

import importlib.util
import sys

import numpy as np
import pytest
import spoken_corpus

from affuse.data.cache import parts, store
from affuse.data.errors import AffuseError
from affuse.extract.encoders import opensmile
from affuse.extract.encoding.choices import Choice, Machine
from affuse.extract.encoding.encoder_loading import load

NAMED = {"checkpoint": "", "encoder": "opensmile"}
RATE = 16_000
# Whoever installs the package accepts its licence, so `make setup` does not.
with_package = pytest.mark.skipif(
    importlib.util.find_spec("opensmile") is None,
    reason="needs the package opensmile, which the extra dev does not install",
)


def test_a_missing_package_is_named_with_its_licence(monkeypatch):
    monkeypatch.setitem(sys.modules, "opensmile", None)
    with pytest.raises(AffuseError) as caught:
        load(Choice("audio", **NAMED), Machine(threads=1))
    assert "whose licence by audEERING excludes commercial use" in str(caught.value)
    assert str(caught.value).endswith("[opensmile]'")


@with_package
def test_features_of_a_tone():
    encoder = opensmile.Encoder.tiny()
    times = np.arange(2 * RATE) / RATE
    tone = sum(np.sin(2 * np.pi * 220 * k * times) / k for k in range(1, 9))
    found = dict(
        zip(
            encoder.names,
            encoder.describe((0.1 * tone).astype(np.float32)),
            strict=True,
        )
    )
    assert len(found) == 88
    pitch = found["F0semitoneFrom27.5Hz_sma3nz_percentile50.0"]
    assert pitch == pytest.approx(36, abs=0.1)


@with_package
@pytest.mark.parametrize("scale", [0.0, 1e-6, 0.1, 1.0])
@pytest.mark.parametrize("samples", [1_600, RATE])
def test_features_are_finite(scale, samples):
    wave = np.float32(scale) * spoken_corpus.noise(samples)
    assert np.isfinite(opensmile.Encoder.tiny().describe(wave)).all()


@with_package
def test_the_cache_records_feature_set_and_version(tmp_path):
    found = spoken_corpus.corpus(tmp_path, count=3)
    outcome = spoken_corpus.run(found, tmp_path / "cache", **NAMED, pooling="mean+std")
    recipe = store.look(outcome.folder).recipe
    assert (recipe.encoder, recipe.checkpoint) == ("opensmile", "eGeMAPSv02")
    assert (recipe.pooling, recipe.inputs["features"]) == ("mean", 88)
    versions = parts.header(parts.part_path(outcome.folder, 0)).versions
    assert versions["opensmile"]
    rows = spoken_corpus.rows(outcome)
    assert {row.shape for row in rows.values()} == {(1, 88)}
