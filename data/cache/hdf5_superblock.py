"""Checksum of an HDF5 superblock, the first 48 bytes of a file.

Superblocks have a checksum in versions 2 and 3; `affuse.data.cache.parts` writes
version 3.
"""

import struct

LENGTH = 44  # bytes that the checksum covers; its four bytes follow them
MASK = 2**32 - 1


def with_checksum(image: bytes) -> bytes:
    """Return an HDF5 file with the correct checksum in its superblock.

    HDF5 before version 2.0 clears the flag "open for writing" in the image of a file,
    but does not update the checksum over that flag. No version of HDF5 opens such an
    image. Source: HDFGroup/hdf5, issue 1915, fixed by pull request 5489.

    Args:
        image: bytes of a file with a superblock of version 2 or 3 and 8-byte addresses

    Returns:
        bytes of the file; the same object if the checksum is correct already
    """
    checksum = struct.pack("<I", lookup3(image[:LENGTH]))
    if image[LENGTH : LENGTH + 4] == checksum:
        return image
    return b"".join([image[:LENGTH], checksum, memoryview(image)[LENGTH + 4 :]])


def lookup3(data: bytes) -> int:
    """Return Bob Jenkins' hash ``lookup3`` of some bytes, as HDF5 uses it.

    Source: Bob Jenkins, lookup3.c, ``hashlittle`` with 0 as the initial value (2006,
    public domain).

    Args:
        data: bytes to hash

    Returns:
        unsigned integer of 32 bits

    Examples:
        >>> hex(lookup3(b"Four score and seven years ago"))
        '0x17770551'
    """
    a = b = c = (0xDEADBEEF + len(data)) & MASK
    blocks = list(struct.iter_unpack("<3I", data + bytes(-len(data) % 12)))
    for number, words in enumerate(blocks):
        a, b, c = ((x + y) & MASK for x, y in zip((a, b, c), words, strict=True))
        if number < len(blocks) - 1:
            for bits in (4, 6, 8, 16, 19, 4):
                a, c = (a - c) & MASK ^ _turned(c, bits), (c + b) & MASK
                a, b, c = b, c, a
    for bits in (14, 11, 25, 16, 4, 14, 24):
        c = ((c ^ b) - _turned(b, bits)) & MASK
        a, b, c = b, c, a
    return b


def _turned(word: int, bits: int) -> int:
    """Return a word of 32 bits, rotated to the left by `bits`."""
    return (word << bits | word >> (32 - bits)) & MASK
