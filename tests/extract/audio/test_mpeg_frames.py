"""MP3 files that state no length or a wrong one, and joined MP3 files."""

import sys

import numpy as np
import pytest
import soundfile
from media_files import NEEDED, tone, write
from sound_files import reason
from spoken_corpus import noise

from affuse.extract.audio import decoder_pool, decoding, mpeg_frames

SECONDS = 6


def write_mp3(path, rate=16_000, channels=1):
    """Write quiet noise and a loud tone, so that estimates by bit rate are wrong."""
    time = np.arange(SECONDS * rate) / rate
    loud = 0.5 * np.sin(2 * np.pi * 300 * time) * (time >= SECONDS / 2)
    samples = loud + 0.001 * noise(len(time))
    shaped = samples if channels == 1 else np.stack([samples] * channels, axis=1)
    soundfile.write(path, shaped, rate, bitrate_mode="VARIABLE", compression_level=0.5)
    return path


def without_counting_frame(path):
    """Return the bytes of a file without the frame that states their count."""
    frames, image = mpeg_frames.find(path), path.read_bytes()
    return b"".join(image[part.start : part.stop] for part in frames.ranges)


@pytest.mark.parametrize(("rate", "channels"), [(16_000, 1), (44_100, 2), (8_000, 1)])
def test_without_a_stated_length_the_frames_are_counted(tmp_path, rate, channels):
    whole = write_mp3(tmp_path / "whole.mp3", rate, channels)
    path = tmp_path / "piped.mp3"
    path.write_bytes(
        b"ID3\4\0\0\0\0\0\5hello" + without_counting_frame(whole) + b"TAG".ljust(128)
    )
    assert (
        abs(soundfile.info(path).frames / rate - SECONDS) > 1
    )  # libsndfile's estimate is wrong
    # an encoder fills the last frames up, and puts 0.1 s before the first sample
    assert decoding.probe(path).seconds == pytest.approx(SECONDS, abs=0.3)
    wave = decoder_pool.load(path, longest=60.0)
    assert len(wave.samples) / decoding.SAMPLE_RATE == pytest.approx(SECONDS, abs=0.3)
    count = mpeg_frames.find(whole).count
    assert wave.notes[0] == f"states no length; {count} MP3 frames were counted"
    assert np.abs(wave.samples[-decoding.SAMPLE_RATE :]).max() > 0.4  # the end is there


def test_a_correct_stated_length_is_used(tmp_path):
    path = write_mp3(tmp_path / "a.mp3")
    wave = decoder_pool.load(path, longest=60.0)
    assert wave.notes == ()
    samples, _ = soundfile.read(path, dtype="float32")
    np.testing.assert_array_equal(wave.samples, samples)


@pytest.mark.parametrize("plain", [False, True])
def test_joined_files_are_read_to_the_end(tmp_path, plain):
    one = write_mp3(tmp_path / "one.mp3")
    path = tmp_path / "two.mp3"
    path.write_bytes(
        one.read_bytes() + (without_counting_frame(one) if plain else one.read_bytes())
    )
    wave = decoder_pool.load(path, longest=60.0)
    assert len(wave.samples) / decoding.SAMPLE_RATE == pytest.approx(
        2 * SECONDS, abs=0.5
    )
    count = mpeg_frames.find(one).count
    said = f"states {count} of {2 * count} MP3 frames; all were read"
    assert wave.notes == (said if plain else "is 2 MP3 files joined; read as one",)


def test_joined_files_of_different_rates_are_refused(tmp_path):
    one, two = write_mp3(tmp_path / "1.mp3"), write_mp3(tmp_path / "2.mp3", 24_000)
    path = tmp_path / "both.mp3"
    path.write_bytes(one.read_bytes() + two.read_bytes())
    assert "different sampling rates or channels" in reason(path)
    with pytest.raises(decoding.Unusable, match="different sampling rates"):
        decoding.probe(path)


def test_a_truncated_mp3_is_refused(tmp_path):
    path = write_mp3(tmp_path / "a.mp3")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "is cut off" in reason(path)


def layer_two(folder, rate, **options):
    """Write three seconds of MPEG layer II."""
    path = folder / f"{options['bits']}.mp2"
    return write(path, tone(3, rate), rate=rate, codec="mp2", b=str(options["bits"]))


@NEEDED
@pytest.mark.parametrize("order", [(8_000, 160_000), (160_000, 8_000)])
def test_layer_two_of_several_bit_rates_is_read_to_the_end(tmp_path, order):
    parts = [layer_two(tmp_path, 16_000, bits=bits) for bits in order]
    path = tmp_path / "both.mp3"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    guessed = soundfile.info(path).frames / 16_000
    assert abs(guessed - 2 * 3.024) > 1  # 42 frames each, of 72 ms
    assert decoding.probe(path).seconds == pytest.approx(2 * 3.024)
    assert len(decoder_pool.load(path, longest=60.0).samples) == 2 * 42 * 1152


@NEEDED
def test_layer_two_with_padding_is_not_called_cut_off(tmp_path):
    path = layer_two(tmp_path, 44_100, bits=64_000)
    assert soundfile.info(path).frames > 132_480  # libsndfile guesses the length
    assert decoding.probe(path).seconds == pytest.approx(132_480 / 44_100)
    assert len(decoder_pool.load(path, longest=60.0).samples) == 48_066


def layer_head(layer, bits, rate=0):
    """Return the header of a mono frame of MPEG 1."""
    return bytes((0xFF, 0xF9 | layer << 1, bits << 4 | rate << 2, 0xC0))


@pytest.mark.parametrize(
    ("layer", "length", "samples"),
    # 384 kbit/s of layer I and 192 of layer II at 44.1 kHz
    [(mpeg_frames.LAYER_I, 416, 384), (mpeg_frames.LAYER_II, 626, 1152)],
)
def test_without_av_a_misjudged_length_is_refused(
    tmp_path, monkeypatch, layer, length, samples
):
    low, high = 1, 12 if layer == mpeg_frames.LAYER_I else 10
    head = mpeg_frames.parse_header(layer_head(layer, high), layer)
    assert (head.length, head.samples) == (length, samples)
    few = mpeg_frames.parse_header(layer_head(layer, low), layer)
    image = b"".join(
        layer_head(layer, bits).ljust(frame.length, b"\0") * 20
        for bits, frame in ((high, head), (low, few))
    )
    path = tmp_path / "a.mp3"
    path.write_bytes(image)
    assert mpeg_frames.count(path, layer) == 40 * samples
    monkeypatch.setitem(sys.modules, "av", None)
    assert "whose length libsndfile misjudges" in reason(path)
    assert "pip install '.[av]'" in reason(path)
