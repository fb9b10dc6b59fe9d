"""Decoding of valid and damaged recordings in every format."""

import math
import os
import threading
import tracemalloc

import numpy as np
import pytest
import soundfile
from sound_files import LOUD, RATE, load, noise, reason, write

from affuse.extract.audio import decoding, sample_checks
from affuse.extract.audio.librosa_loading import load_librosa


@pytest.mark.parametrize(
    ("subtype", "tolerance"),
    # half a quantisation step, and for companded samples the coarsest step
    [("PCM_U8", 2**-7), ("PCM_16", 2**-15), ("PCM_24", 2**-23), ("ULAW", 2**-4)],
)
def test_every_sample_format_is_decoded(tmp_path, subtype, tolerance):
    path = write(tmp_path / "a.wav", noise().clip(-0.9, 0.9), subtype=subtype)
    wave = load(path)
    assert wave.samples.dtype == np.float32
    assert wave.notes == ()
    assert np.abs(wave.samples - noise().clip(-0.9, 0.9)).max() <= tolerance


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_float_samples_are_decoded_exactly(tmp_path, subtype):
    path = write(tmp_path / "a.wav", noise(), subtype=subtype)
    np.testing.assert_array_equal(load(path).samples, noise())


@pytest.mark.parametrize(
    ("name", "options"),
    [
        *((f"a.{name}", {}) for name in ("flac", "aiff", "au", "w64", "caf")),
        ("a.sph", {"format": "NIST"}),
        ("extensible.wav", {"format": "WAVEX"}),
        ("large.wav", {"format": "RF64"}),
    ],
)
def test_lossless_formats_are_decoded_exactly(tmp_path, name, options):
    path = write(tmp_path / name, **options)
    assert decoding.probe(path).seconds == 1.0
    wave = load(path)
    np.testing.assert_allclose(wave.samples, noise(), atol=2**-15)  # 16 bits


@pytest.mark.parametrize("name", ["a.ogg", "a.mp3"])
def test_lossy_formats_are_decoded_approximately(tmp_path, name):
    tone = LOUD * np.sin(2 * np.pi * 300 / RATE * np.arange(RATE))
    wave = load(write(tmp_path / name, tone))
    assert len(wave.samples) == RATE
    # lossy codecs: 1 % of the energy may differ
    middle = slice(2000, -2000)
    error = wave.samples[middle] - tone[middle]
    assert (error**2).mean() < 0.01 * (tone**2).mean()


def test_stereo_at_44100_hz_is_converted_and_noted(tmp_path):
    time = np.arange(44_100) / 44_100
    left, right = np.sin(2 * np.pi * 440 * time), np.sin(2 * np.pi * 1000 * time)
    path = write(tmp_path / "a.wav", np.stack([left, right], 1), 44_100)
    wave = load(path)
    assert wave.notes == ("mixed down from 2 channels", "resampled from 44100 Hz")
    time = np.arange(RATE) / RATE
    wanted = (np.sin(2 * np.pi * 440 * time) + np.sin(2 * np.pi * 1000 * time)) / 2
    assert len(wave.samples) == RATE
    # the filter rings where the file begins and ends
    np.testing.assert_allclose(wave.samples[200:-200], wanted[200:-200], atol=1e-3)


@pytest.mark.parametrize("span", [None, (0.31, 0.77)])
@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_one_channel_is_decoded_as_a_mono_file_of_it(tmp_path, monkeypatch, rate, span):
    monkeypatch.setattr(sample_checks, "DECODED", 999)
    samples = np.stack([noise(rate, seed=i) for i in range(3)], axis=1)
    path = write(tmp_path / "a.wav", samples, rate)
    for channel in (1, 2, 3):
        mono = write(tmp_path / "mono.wav", samples[:, channel - 1], rate)
        wave = decoding.load(path, span, longest=60.0, channel=channel)
        np.testing.assert_array_equal(wave.samples, load(mono, span).samples)
        assert wave.notes[0] == f"channel {channel} of 3 was taken"
        assert not any("mixed" in note for note in wave.notes)


@pytest.mark.parametrize(
    ("channels", "channel", "sentence"),
    [
        (2, 3, "has channels 1 to 2, and no channel 3"),
        (2, 0, "has channels 1 to 2, and no channel 0"),
        (1, 2, "has only one channel, and no channel 2"),
    ],
)
def test_a_channel_that_the_file_lacks_is_refused(
    tmp_path, channels, channel, sentence
):
    path = write(tmp_path / "a.wav", np.stack([noise(800)] * channels, 1))
    assert reason(path, channel=channel) == sentence


def test_the_only_channel_is_decoded_without_a_note(tmp_path):
    wave = decoding.load(write(tmp_path / "a.wav"), longest=60.0, channel=1)
    assert wave.notes == ()


def test_a_channel_is_not_refused_for_the_samples_of_another(tmp_path):
    bad = np.full(800, np.nan, np.float32)
    both = np.stack([noise(800), bad], 1)
    path = write(tmp_path / "a.wav", both, subtype="FLOAT")
    wave = decoding.load(path, longest=60.0, channel=1)
    np.testing.assert_array_equal(wave.samples, noise(800))
    assert reason(path, channel=2) == "holds NaN or infinite samples"
    assert reason(path) == "holds NaN or infinite samples"


def test_eight_channels_are_mixed_and_nine_are_not(tmp_path):
    eight = write(tmp_path / "8.wav", np.stack([noise(seed=i) for i in range(8)], 1))
    nine = write(tmp_path / "9.wav", np.stack([noise(seed=i) for i in range(9)], 1))
    wanted = np.mean([noise(seed=i) for i in range(8)], axis=0)
    np.testing.assert_allclose(load(eight).samples, wanted, atol=2**-15)  # 16 bits
    assert reason(nine) == "has 9 channels, more than 8"


@pytest.mark.parametrize("rate", [2_000, 384_000])
def test_implausible_sampling_rates_are_refused(tmp_path, rate):
    path = write(tmp_path / "a.wav", noise(5000), rate)
    assert reason(path) == f"has a sampling rate of {rate} Hz"


def decode_at_once(path, span=None):
    """Return a span of a file that is decoded, mixed down and resampled at once."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    begin, end = span or (0.0, None)
    stretch = slice(round(begin * rate), None if end is None else round(end * rate))
    mono = samples[stretch].mean(axis=1)
    return load_librosa().resample(
        mono, orig_sr=rate, target_sr=RATE, res_type="soxr_hq"
    )


@pytest.mark.parametrize("span", [None, (0.31, None), (0.31, 1.27)])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg"])
def test_decoding_in_blocks_equals_decoding_at_once(
    tmp_path, monkeypatch, name, rate, channels, span
):
    length = int(1.5 * rate) + 7
    samples = np.stack([noise(length, seed=i) for i in range(channels)], axis=1)
    path = write(tmp_path / name, samples, rate)
    wanted = decode_at_once(path, span)
    for frames in (999, 2**18):
        monkeypatch.setattr(sample_checks, "DECODED", frames)
        np.testing.assert_array_equal(load(path, span).samples, wanted)


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
@pytest.mark.parametrize("samples", [1, 2, 441, 1000])
def test_short_files_are_resampled_to_the_right_length(tmp_path, rate, samples):
    path = write(tmp_path / "a.wav", noise(samples), rate)
    found = load(path).samples
    assert len(found) == math.ceil(samples * RATE / rate)
    np.testing.assert_array_equal(found, decode_at_once(path))


@pytest.mark.parametrize("rate", [RATE, 48_000])
def test_decoding_needs_little_more_memory_than_its_result(tmp_path, monkeypatch, rate):
    monkeypatch.setattr(sample_checks, "DECODED", 4096)
    samples = np.stack([noise(10 * rate), noise(10 * rate, seed=1)], axis=1)
    path = write(tmp_path / "a.wav", samples, rate)
    del samples
    load(path)  # imports, made only once
    tracemalloc.start()
    try:
        found = decoding.decode(path, longest=10.0)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 1.5 * found.samples.nbytes


def test_samples_before_a_span_are_not_decoded(tmp_path):
    path = write(tmp_path / "a.flac", noise(20 * RATE))
    wanted = load(path, (18.0, 19.0)).samples
    image = bytearray(path.read_bytes())
    begin, end = len(image) // 10, len(image) // 2
    image[begin:end] = bytes(end - begin)
    path.write_bytes(bytes(image))
    np.testing.assert_array_equal(load(path, (18.0, 19.0)).samples, wanted)
    assert "cannot be decoded" in reason(path)


@pytest.mark.parametrize(
    ("span", "first", "last"),
    [
        (None, 0, RATE),
        ((0.25, None), RATE // 4, RATE),
        ((0.25, 0.5), RATE // 4, RATE // 2),
        ((0.5, 1.04), RATE // 2, RATE),  # rounded up by whoever wrote the table
    ],
)
def test_a_span_returns_its_samples(tmp_path, span, first, last):
    path = write(tmp_path / "a.wav", noise(), subtype="FLOAT")
    np.testing.assert_array_equal(load(path, span).samples, noise()[first:last])


def test_spans_beyond_the_end_are_refused(tmp_path):
    path = write(tmp_path / "a.wav")
    assert reason(path, span=(0.5, 1.1)) == "ends at 1.00 s, before 1.10 s"
    assert reason(path, span=(1.2, None)) == "has no samples there"


def test_a_span_that_is_too_long_is_refused_before_decoding(tmp_path, monkeypatch):
    path = write(tmp_path / "a.wav")
    assert load(path, longest=1.0).samples.shape == (RATE,)
    monkeypatch.setattr(sample_checks, "_mono_blocks", None)
    assert "lasts 1 s, more than 0.5 s; cut it into utterances" in reason(
        path, longest=0.5
    )


def test_a_short_span_of_a_long_file_is_not_too_long(tmp_path):
    path = write(tmp_path / "a.wav")
    assert len(load(path, (0.1, 0.2), longest=0.5).samples) == RATE // 10


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinite_samples_are_refused(tmp_path, value):
    samples = np.stack([noise(), noise()], axis=1)
    samples[77, 1] = value
    path = write(tmp_path / "a.wav", samples, subtype="FLOAT")
    assert reason(path) == "holds NaN or infinite samples"


def test_silence_is_kept_and_noted(tmp_path):
    wave = load(write(tmp_path / "a.wav", np.zeros(RATE)))
    assert wave.notes == ("is silent; kept",)
    assert not wave.samples.any()


def test_a_file_without_samples_is_refused(tmp_path):
    assert reason(write(tmp_path / "a.wav", noise(0))) == "has no samples"


@pytest.mark.parametrize("name", ["a.wav", "a.aiff", "a.au", "a.w64", "a.mp3"])
def test_a_header_that_promises_more_samples_is_refused(tmp_path, name):
    path = write(tmp_path / name)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "is cut off: the header promises more samples" in reason(path)


@pytest.mark.parametrize("name", ["a.flac", "a.ogg", "a.caf"])
def test_a_truncated_file_is_refused(tmp_path, name):
    path = write(tmp_path / name)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert any(word in reason(path) for word in ("cannot be decoded", "no samples"))


def test_a_truncated_file_gives_spans_before_its_end(tmp_path):
    path = write(tmp_path / "a.wav", noise(), subtype="FLOAT")
    path.write_bytes(path.read_bytes()[: 2 * RATE])
    np.testing.assert_array_equal(load(path, (0.1, 0.2)).samples, noise()[1600:3200])
    assert "is cut off" in reason(path, span=(0.1, None))
    assert "before 0.90 s" in reason(path, span=(0.1, 0.9))


@pytest.mark.parametrize("promised", [0xFFFFFFFF, 0x7FFFF000])
def test_placeholder_data_sizes_of_pipes_are_no_damage(tmp_path, promised):
    # ffmpeg and sox write these sizes if they cannot seek back to the header
    path = write(tmp_path / "a.wav", noise(), subtype="PCM_16")
    image = bytearray(path.read_bytes())
    place = image.index(b"data") + 4
    image[place : place + 4] = promised.to_bytes(4, "little")
    path.write_bytes(bytes(image))
    assert len(load(path).samples) == RATE


def test_flac_without_a_stated_length_is_refused(tmp_path):
    path = write(tmp_path / "a.flac")
    image = bytearray(path.read_bytes())
    image[21] &= 0xF0  # 36 bits in STREAMINFO, 0 for unknown
    image[22:26] = bytes(4)
    path.write_bytes(bytes(image))
    with pytest.raises(decoding.Unusable, match="does not state its length"):
        decoding.probe(path)


@pytest.mark.parametrize("name", ["text.wav", "text.flac", "text.mp3"])
def test_text_files_are_refused(tmp_path, name):
    path = tmp_path / name
    path.write_text("not a sound\n" * 100)
    with pytest.raises(decoding.Unusable, match="cannot be decoded"):
        decoding.probe(path)


@pytest.mark.parametrize("name", ["VOC", "PAF", "SVX", "IRCAM", "MAT5", "AVR", "HTK"])
def test_formats_outside_the_list_are_refused(tmp_path, name):
    path = write(tmp_path / "a.wav", format=name)
    why = f"is a sound file of type {name}; convert it to WAV or FLAC"
    assert reason(path) == why
    with pytest.raises(decoding.Unusable, match=why):
        decoding.probe(path)


def test_samples_without_a_header_are_refused(tmp_path):
    path = tmp_path / "a.raw"
    path.write_bytes(bytes(3200))
    with pytest.raises(decoding.Unusable, match="cannot be decoded: samplerate"):
        decoding.probe(path)


def test_empty_and_missing_files_and_folders_are_refused(tmp_path):
    (tmp_path / "empty.wav").touch()
    (tmp_path / "folder.wav").mkdir()
    for name, why in (
        ("empty.wav", "the file is empty"),
        ("missing.wav", "cannot be read: No such file or directory"),
        ("folder.wav", "is not a regular file"),
    ):
        with pytest.raises(decoding.Unusable, match=why):
            decoding.probe(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="is root")
def test_a_file_without_read_permission_is_refused(tmp_path):
    path = write(tmp_path / "a.wav")
    path.chmod(0)
    with pytest.raises(decoding.Unusable, match="cannot be read: Permission denied"):
        decoding.probe(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_named_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    reasons = []

    def probe_in_thread():
        try:
            decoding.probe(tmp_path / "pipe.wav")
        except decoding.Unusable as error:
            reasons.append(str(error))

    thread = threading.Thread(target=probe_in_thread, daemon=True)
    thread.start()
    thread.join(timeout=10)
    assert reasons == ["is not a regular file"]


@pytest.mark.parametrize(
    "name", ["zwölf Boxkämpfer.wav", "日本語.wav", "it's 100%.wav"]
)
def test_file_names_in_any_script_are_read(tmp_path, name):
    path = write(tmp_path / name)
    assert decoding.probe(path).seconds == 1.0
    assert len(load(path).samples) == RATE


@pytest.mark.skipif(os.name == "nt", reason="names are no bytes here")
def test_a_file_name_that_is_not_utf_8_is_refused(tmp_path):
    name = os.fsencode(tmp_path) + b"/caf\xe9.wav"
    path = write(tmp_path / "a.wav").rename(os.fsdecode(name))
    with pytest.raises(decoding.Unusable, match="name that is not valid UTF-8"):
        decoding.probe(path)


def test_probe_digests_the_content_of_a_file(tmp_path):
    one, same = write(tmp_path / "1.wav"), write(tmp_path / "2.wav")
    other = write(tmp_path / "3.wav", noise(seed=1))
    assert decoding.probe(one) == decoding.probe(same)
    assert decoding.probe(one).digest != decoding.probe(other).digest
    assert decoding.probe(write(tmp_path / "8k.wav", noise(4000), 8000)).seconds == 0.5


@pytest.mark.parametrize(("peak", "is_named"), [(1.5, False), (6_500.0, True)])
def test_samples_far_above_full_scale_are_kept_and_named(tmp_path, peak, is_named):
    samples = noise()
    samples[7] = -peak
    path = write(tmp_path / "a.wav", samples, subtype="FLOAT")
    waveform = load(path)
    np.testing.assert_array_equal(waveform.samples, samples)
    note = "has samples up to 6,500, and full scale is 1; kept"
    assert waveform.notes == ((note,) if is_named else ())


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_channels_that_cancel_each_other_are_named(tmp_path, rate):
    one = noise(rate // 4) * 0.5
    path = write(tmp_path / "a.wav", np.stack([one, -one], axis=1), rate)
    notes = load(path).notes
    assert "has channels that cancel each other, so their mean is silent" in notes
    assert "is silent; kept" in notes
    both = write(tmp_path / "b.wav", np.zeros((4000, 2)), rate)
    assert not any("cancel" in note for note in load(both).notes)
    faint = np.zeros((4000, 2))
    faint[::9, 0] = 5 / 2**15  # above the bound of silence, and its half below
    path = write(tmp_path / "c.wav", faint, rate)
    assert load(path).notes == load(both).notes
