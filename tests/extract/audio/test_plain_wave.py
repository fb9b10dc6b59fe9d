"""Plain WAV files are read as libsndfile reads them, and all others by libsndfile."""

import numpy as np
import pytest
import soundfile
from sound_files import RATE, noise, write

from affuse.extract.audio import decoding, plain_wave
from affuse.extract.audio.refusal import Unusable


@pytest.fixture
def results(monkeypatch):
    """Return a function that decodes a file with and without this shortcut."""

    def result(path, span, channel):
        found = []
        for work in (
            lambda: decoding.probe(path),
            lambda: decoding.decode(
                path, span, longest=60, channel=channel, has_digest=True
            ),
        ):
            try:
                values = dict(vars(work()))
            except Unusable as error:
                values = {"reason": str(error)}
            samples = values.pop("samples", np.empty(0, np.float32))
            found.append((values, samples.tobytes()))
        return found

    def both(path, span=None, channel=None):
        plain = result(path, span, channel)
        with monkeypatch.context() as patch:
            patch.setattr(plain_wave, "parse", lambda head, size: None)
            return plain, result(path, span, channel)

    return both


def is_plain(path):
    content = path.read_bytes()
    return plain_wave.parse(content, len(content)) is not None


@pytest.mark.parametrize("rate", [8000, RATE, 44_100])
@pytest.mark.parametrize("channels", [1, 2, 8])
@pytest.mark.parametrize("span", [None, (0.1, 0.25), (0.2, None), (0.3, 99.0)])
def test_samples_are_those_of_libsndfile(tmp_path, results, rate, channels, span):
    path = tmp_path / "a.wav"
    samples = np.stack([noise(seed=i)[:8000] for i in range(channels)], axis=1)
    soundfile.write(path, samples, rate)
    assert is_plain(path)
    for channel in (None, 1, channels, channels + 1):
        plain, other = results(path, span, channel)
        assert plain == other


@pytest.mark.parametrize("change", [1, 0x10, 0x80, 0xFF])
def test_a_changed_byte_of_the_header_has_the_effect_that_it_has_for_libsndfile(
    tmp_path, results, change
):
    path = write(tmp_path / "a.wav", noise()[:400])
    content = path.read_bytes()
    for at in range(44):
        changed = bytearray(content)
        changed[at] ^= change
        path.write_bytes(changed)
        plain, other = results(path)
        assert plain == other, at


@pytest.mark.parametrize("size", [0, 10, 43, 44, 45, 46, 843, 845, 846, 900])
def test_a_wrong_size_has_the_effect_that_it_has_for_libsndfile(
    tmp_path, results, size
):
    path = write(tmp_path / "a.wav", noise()[:400])
    path.write_bytes(path.read_bytes().ljust(size, b"\1")[:size])
    assert not is_plain(path)
    plain, other = results(path)
    assert plain == other


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24", "FLOAT", "ULAW"])
def test_other_samples_are_read_by_libsndfile(tmp_path, subtype):
    assert not is_plain(write(tmp_path / "a.wav", noise(), subtype=subtype))


def test_a_file_that_becomes_shorter_is_cut_off(tmp_path, monkeypatch):
    path = write(tmp_path / "a.wav", noise()[:400])
    real = plain_wave.open_plain

    def open_then_cut(path):
        file = real(path)
        path.write_bytes(path.read_bytes()[:501])
        return file

    monkeypatch.setattr(plain_wave, "open_plain", open_then_cut)
    with pytest.raises(Unusable, match="is cut off"):
        decoding.decode(path, longest=60)
