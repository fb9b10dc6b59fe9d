"""Correction of the wrong checksum that old versions of HDF5 write in an image."""

import io

import h5py
import numpy as np
import pytest
from small_caches import part, write

from affuse.data.cache import hdf5_superblock, parts

STATUS = 11  # byte of the superblock: the flags that HDF5 clears in an image
OPEN = b"\x05"  # for writing, as it was when the checksum was made


@pytest.fixture
def image(tmp_path):
    return write(tmp_path, 0, part("a", "b")).read_bytes()


def with_old_checksum(image):
    """Return the image as HDF5 below 2.0 writes it, with a checksum of other flags."""
    marked = image[:STATUS] + OPEN + image[STATUS + 1 : hdf5_superblock.LENGTH]
    checksum = hdf5_superblock.lookup3(marked).to_bytes(4, "little")
    return (
        image[: hdf5_superblock.LENGTH] + checksum + image[hdf5_superblock.LENGTH + 4 :]
    )


def test_lookup3_gives_the_published_value():
    assert hdf5_superblock.lookup3(b"Four score and seven years ago") == 0x17770551
    assert hdf5_superblock.lookup3(b"a" * 12) != hdf5_superblock.lookup3(b"a" * 11)


def test_an_image_of_old_hdf5_is_readable_with_its_checksum(tmp_path, image):
    old = with_old_checksum(image)
    assert old != image
    with pytest.raises(ValueError, match="damaged or no part of a cache"):
        parts.parse(tmp_path / "old.h5", old)
    assert hdf5_superblock.with_checksum(old) == image


def test_an_image_with_a_correct_checksum_is_not_copied(image):
    assert hdf5_superblock.with_checksum(image) is image


@pytest.mark.parametrize("low", ["v108", "v110"])
def test_the_checksum_is_the_one_that_this_hdf5_writes(low):
    """Every version of HDF5 writes a correct checksum to a file."""
    content = io.BytesIO()
    with h5py.File(content, "w", libver=(low, "v110")) as file:
        file["rows"] = np.arange(5)
    written = content.getvalue()
    assert hdf5_superblock.with_checksum(written) is written


def test_parts_hold_no_times(image):
    """Otherwise equal rows would have different bytes a second later."""
    begin = image.index(b"OHDR")
    assert begin == hdf5_superblock.LENGTH + 4  # that of the file itself
    places = [begin]
    while (place := image.find(b"OHDR", places[-1] + 1)) >= 0:
        places.append(place)
    assert len(places) == 4  # and of three arrays
    assert not any(image[place + 5] & 0x20 for place in places)
