"""Ogg Vorbis encoding that gives the same bytes for the same samples.

libsndfile draws the serial number of a stream at random. Every page holds this number
and a checksum. This module replaces both, and changes nothing else. The container
format is described in RFC 3533.

When libsndfile 1.2.2 seeks within the last page of a stream, it may miss the target by
some hundred samples, because that page is shorter than its packets. So no utterance may
begin there; `seekable_samples` returns the limit.
"""

import io
from collections.abc import Iterator

import numpy as np

from affuse.data.errors import AffuseError

SERIAL = 1  # of every stream; a file holds only one stream
MAGIC = b"OggS"
HEADER = 27  # bytes, before the table of segments
POLYNOMIAL = 0x04C11DB7  # of the checksum: neither reflected nor inverted
BLOCK = 2048  # samples: no block of libvorbis at 16 kHz is longer
SMALL = 0.95  # libsndfile's compression level, 0 to 1; gives 27 kbit/s for this speech


def encode(pcm: np.ndarray, rate: int) -> bytes:
    """Return samples as an Ogg Vorbis file.

    Args:
        pcm: (samples,) int16, mono
        rate: Hz
    """
    import soundfile

    file = io.BytesIO()
    soundfile.write(
        file, pcm, rate, format="OGG", subtype="VORBIS", compression_level=SMALL
    )
    return set_serial(file.getvalue())


def seekable_samples(stream: bytes) -> int:
    """Return the number of samples, from the beginning, to which a seek is exact."""
    *_, before, _ = pages(stream)
    return int.from_bytes(before[6:14], "little") - BLOCK  # its granule position


def set_serial(stream: bytes, serial: int = SERIAL) -> bytes:
    """Return a stream with a fixed serial number and matching checksums.

    Args:
        stream: a whole Ogg file
        serial: number that every page gets

    Raises:
        AffuseError: if it is not made of whole Ogg pages
    """
    output = bytearray()
    for page in pages(stream):
        copy = bytearray(page)
        copy[14:18] = serial.to_bytes(4, "little")
        copy[22:26] = bytes(4)
        copy[22:26] = checksum(copy).to_bytes(4, "little")
        output += copy
    return bytes(output)


def pages(stream: bytes) -> Iterator[bytes]:
    """Yield the pages of a stream.

    Args:
        stream: a whole Ogg file

    Raises:
        AffuseError: if the stream holds anything else
    """
    position = 0
    while position < len(stream):
        header = stream[position : position + HEADER]
        if len(header) < HEADER or header[:4] != MAGIC:
            raise AffuseError(f"byte {position} of the stream begins no Ogg page")
        start = position + HEADER + header[26]
        end = start + sum(stream[position + HEADER : start])
        if end > len(stream):
            raise AffuseError(f"the Ogg page at byte {position} is cut off")
        yield stream[position:end]
        position = end


def checksum(page: bytes | bytearray) -> int:
    """Return the CRC of a page whose four checksum bytes are zero.

    Args:
        page: header, segment table and data

    Examples:
        >>> f"{checksum(b'OggS'):08x}"
        '5fb0a94f'
    """
    value = 0
    for byte in page:
        value = (value << 8 & 0xFFFFFFFF) ^ _TABLE[value >> 24 ^ byte]
    return value


def _remainder(value: int) -> int:
    """Return the CRC remainder of one byte, shifted to the top of 32 bits."""
    value <<= 24
    for _ in range(8):
        value = value << 1 ^ (POLYNOMIAL if value & 0x80000000 else 0)
    return value & 0xFFFFFFFF


_TABLE = tuple(map(_remainder, range(256)))
