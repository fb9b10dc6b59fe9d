"""Recordings from arrays, which are decoded as files are."""

import numpy as np
import pytest
import soundfile
from sound_files import noise

from affuse.data.errors import AffuseError
from affuse.extract.audio import decoding
from affuse.extract.inference.array_recordings import array_folder
from affuse.extract.inference.segment_plan import SegmentPlan
from affuse.extract.inference.segmentation import segments
from affuse.extract.inference.segments import Recording

RATE = decoding.SAMPLE_RATE


@pytest.fixture
def folder():
    with array_folder() as made:
        yield made


def reason(folder, samples, rate=RATE):
    with pytest.raises(AffuseError) as caught:
        folder.write(samples, rate)
    return str(caught.value)


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int16])
@pytest.mark.parametrize("rate", [8_000, 44_100.0])
@pytest.mark.parametrize("channels", [0, 1, 2])
def test_an_array_is_decoded_as_its_float_file(tmp_path, folder, kind, rate, channels):
    samples = noise(2400)
    samples = samples.reshape(-1, channels) if channels else samples
    full = 2**15 if kind == np.int16 else 1
    array = (samples * full).astype(kind)
    made = folder.write(array, rate)
    soundfile.write(tmp_path / "a.wav", array / full, int(rate), subtype="FLOAT")
    found = decoding.load(made.path, longest=60.0)
    wanted = decoding.load(tmp_path / "a.wav", longest=60.0)
    np.testing.assert_array_equal(found.samples, wanted.samples)
    assert found.notes == wanted.notes


def test_16_bit_integers_are_decoded_as_their_file(tmp_path, folder):
    array = np.array([-(2**15), -1, 0, 1, 2**15 - 1] * 100, np.int16)
    soundfile.write(tmp_path / "a.wav", array, RATE)
    found = decoding.load(folder.write(array, RATE).path, longest=60.0)
    wanted = decoding.load(tmp_path / "a.wav", longest=60.0)
    np.testing.assert_array_equal(found.samples, wanted.samples)


def test_the_order_of_bytes_makes_no_difference(folder):
    array = np.array([-(2**15), -1, 0, 1, 2**15 - 1] * 100, np.int16)
    files = [folder.write(a, RATE).path for a in (array, array.astype(">i2"))]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_floats_that_were_16_bit_integers_are_refused(folder):
    sentence = reason(folder, np.array([-20_000.0, 9_000.0] * 800))
    assert "samples up to 20,000, and the full scale of floats is 1" in sentence
    assert "divide them by 32,768" in sentence


def test_arrays_become_segments_and_are_removed():
    with array_folder() as folder:
        made = [folder.write(noise(800), RATE), folder.write([0.5] * 800, RATE)]
        assert made == [
            Recording("array 1", folder.path / "array 1.wav"),
            Recording("array 2", folder.path / "array 2.wav"),
        ]
        found = list(segments(made, SegmentPlan(), threads=1))
        assert [(s.file, s.seconds) for s in found] == [
            ("array 1", 0.05),
            ("array 2", 0.05),
        ]
    assert not folder.path.exists()


def test_equal_arrays_have_equal_digests(folder):
    paths = [folder.write(noise(800), RATE).path for _ in range(2)]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_samples_beyond_full_scale_are_kept(folder):
    made = folder.write(30 * noise(800), RATE)
    wave = decoding.load(made.path, longest=60.0)
    np.testing.assert_array_equal(wave.samples, 30 * noise(800))


@pytest.mark.parametrize(
    ("samples", "sentence"),
    [
        ([], "has the shape (0,); give (samples,)"),
        (0.5, "has the shape ()"),
        (np.zeros((10, 0)), "has the shape (10, 0)"),
        (np.zeros((2, 3, 4)), "has the shape (2, 3, 4)"),
        (np.zeros((2, 800)), "has 800 channels, more than 8, by its shape (2, 800); "),
        (np.zeros((9, 9)), "has 9 channels, more than 8, by its shape (9, 9)"),
        ([0.0, np.nan], "holds NaN or infinite samples"),
        ([0.0, np.inf], "holds NaN or infinite samples"),
        ([0.0, 1e300], "holds NaN or infinite samples"),
        ([1, 2], "has samples of the type int64"),
        ([True], "has samples of the type bool"),
        ([1j], "has samples of the type complex128"),
        ([[0.5], [0.5, 0.5]], "is no array of samples: "),
        (["a"], "has samples of the type <U1"),
        ([None], "has samples of the type object"),
    ],
)
def test_arrays_that_are_no_recordings_are_refused(folder, samples, sentence):
    assert reason(folder, samples).startswith(f"array 1 {sentence}")


@pytest.mark.parametrize(
    "rate", [0, -1, 3999, 16_000.5, 10**9, float("nan"), "16000", noise(8)]
)
def test_rates_outside_the_limits_of_the_decoder_are_refused(folder, rate):
    assert reason(folder, noise(8), rate).startswith(
        f"array 1 has the sampling rate {rate!r:.30}; give a whole number of Hz"
    )
