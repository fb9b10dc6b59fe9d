"""Audio files whose header states a wrong size of the data."""

import struct

import numpy as np
import pytest
from sound_files import reason, write
from spoken_corpus import noise

from affuse.extract.audio import data_size, decoder_pool, decoding

FIELDS = {  # name of a chunk, distance of its size, form
    "a.wav": (b"data", 4, "<I"),
    "a.aiff": (b"SSND", 4, ">I"),
    "a.au": (b".snd", 8, ">I"),
    "a.w64": (data_size.W64_DATA, 16, "<Q"),
    "a.caf": (b"data", 4, ">q"),
    "a.rf64": (b"ds64", 16, "<Q"),
}


def write_with_stated_size(folder, name, change, samples=1000, tail=b""):
    """Write a file whose header states `change(true size)`, and return its path."""
    options = {"format": "RF64"} if name == "a.rf64" else {}
    path = write(folder / name, noise(samples), **options)
    image = bytearray(path.read_bytes())
    chunk, distance, form = FIELDS[name]
    at = image.index(chunk) + distance
    (size,) = struct.unpack_from(form, image, at)
    struct.pack_into(form, image, at, change(size))
    path.write_bytes(bytes(image) + tail)
    return path


@pytest.mark.parametrize("excess", [8, 36, 44])
@pytest.mark.parametrize("name", FIELDS)
def test_a_data_size_that_includes_the_header_is_noted(tmp_path, name, excess):
    path = write_with_stated_size(tmp_path, name, lambda size: size + excess)
    assert decoding.probe(path).seconds == 1000 / decoding.SAMPLE_RATE
    wave = decoder_pool.load(path, longest=60.0)
    np.testing.assert_allclose(wave.samples, noise(1000), atol=2**-15)
    assert wave.notes == (
        f"states a data size that is {excess} bytes too large; read to the end of "
        f"the file",
    )


@pytest.mark.parametrize("name", ["a.wav", "a.aiff", "a.au", "a.w64", "a.rf64"])
def test_a_missing_data_size_is_noted_and_samples_are_read(tmp_path, name):
    path = write_with_stated_size(tmp_path, name, lambda size: 0)
    assert decoding.probe(path).seconds == 1000 / decoding.SAMPLE_RATE
    wave = decoder_pool.load(path, longest=60.0)
    np.testing.assert_allclose(wave.samples, noise(1000), atol=2**-15)
    assert wave.notes == ("states no data size; read to the end of the file",)


def test_an_empty_data_chunk_before_another_chunk_has_no_samples(tmp_path):
    tail = b"LIST" + struct.pack("<I", 8) + b"INFOISFT"
    path = write_with_stated_size(
        tmp_path, "a.wav", lambda size: 0, samples=0, tail=tail
    )
    assert reason(path) == "has no samples"


@pytest.mark.parametrize("name", FIELDS)
def test_a_file_that_lacks_samples_is_refused_as_cut_off(tmp_path, name):
    path = write_with_stated_size(tmp_path, name, lambda size: size + 1000)
    assert "is cut off" in reason(path)


def test_bytes_after_the_stated_size_are_noted(tmp_path):
    path = write_with_stated_size(tmp_path, "a.wav", lambda size: size // 2)
    (note,) = decoder_pool.load(path, longest=60.0).notes
    assert note == "has 1000 bytes behind its data that are no chunk; not read"
