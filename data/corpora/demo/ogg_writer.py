"""Ogg Vorbis that is the same every time.

libsndfile draws the serial number of a stream at random. It stands in every page, and
so does a checksum of the page; here both are written anew, and nothing else changes.
The container is that of RFC 3533.

libsndfile 1.2.2 may miss by some hundred samples when it seeks within the last page of
a stream, because that page is shorter than its packets. So no utterance may begin
there; `seekable` says how far they may.
"""

import io
from collections.abc import Iterator

import numpy as np

from affuse.data.errors import AffuseError

SERIAL = 1  # of every stream: each file has only one
MAGIC = b"OggS"
HEADER = 27  # bytes, before the table of segments
POLYNOMIAL = 0x04C11DB7  # of the checksum: neither reflected nor inverted
BLOCK = 2048  # samples: no block of libvorbis at 16 kHz is longer
SMALL = 0.95  # of libsndfile's compression, 0 to 1; 27 kbit/s of this speech


def encode(pcm: np.ndarray, rate: int) -> bytes:
    """(samples,) int16, mono -> an Ogg Vorbis file."""
    import soundfile

    file = io.BytesIO()
    soundfile.write(
        file, pcm, rate, format="OGG", subtype="VORBIS", compression_level=SMALL
    )
    return renumbered(file.getvalue())


def seekable(stream: bytes) -> int:
    """Samples at the beginning of a stream of which every one is found by a seek."""
    *_, before, _ = pages(stream)
    return int.from_bytes(before[6:14], "little") - BLOCK  # its granule position


def renumbered(stream: bytes, serial: int = SERIAL) -> bytes:
    """The same stream with another serial number, and checksums that fit.

    Raises:
        AffuseError: if it is not made of whole Ogg pages
    """
    found = bytearray()
    for page in pages(stream):
        fresh = bytearray(page)
        fresh[14:18] = serial.to_bytes(4, "little")
        fresh[22:26] = bytes(4)
        fresh[22:26] = checksum(fresh).to_bytes(4, "little")
        found += fresh
    return bytes(found)


def pages(stream: bytes) -> Iterator[bytes]:
    """The pages of a stream.

    Raises:
        AffuseError: if there is anything else in it
    """
    place = 0
    while place < len(stream):
        header = stream[place : place + HEADER]
        if len(header) < HEADER or header[:4] != MAGIC:
            raise AffuseError(f"byte {place} of the stream begins no Ogg page")
        start = place + HEADER + header[26]
        end = start + sum(stream[place + HEADER : start])
        if end > len(stream):
            raise AffuseError(f"the Ogg page at byte {place} is cut off")
        yield stream[place:end]
        place = end


def checksum(page: bytes | bytearray) -> int:
    """CRC of a page whose own four bytes for it are zero.

    Examples:
        >>> f"{checksum(b'OggS'):08x}"
        '5fb0a94f'
    """
    value = 0
    for byte in page:
        value = (value << 8 & 0xFFFFFFFF) ^ _TABLE[value >> 24 ^ byte]
    return value


def _remainder(value: int) -> int:
    """Of one byte, shifted to the top of 32 bits."""
    value <<= 24
    for _ in range(8):
        value = value << 1 ^ (POLYNOMIAL if value & 0x80000000 else 0)
    return value & 0xFFFFFFFF


_TABLE = tuple(map(_remainder, range(256)))
