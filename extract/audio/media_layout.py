"""Whether a container of compressed sound is whole, by its structure.

libav decodes what there is of a file that is cut off, without a word. Boxes, elements
and frames state their sizes, so a size beyond the end of the file tells it. This module
decodes nothing.
"""

import mmap
import struct
from collections.abc import Callable
from pathlib import Path

from affuse.extract.audio import media_containers
from affuse.extract.audio.media_containers import Container
from affuse.extract.audio.refusal import Unusable

EBML, SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"  # RFC 8794, RFC 9559
# Bytes of a frame by its type, the first byte included (RFC 4867, 5.3; 3GPP TS 26.101
# and 26.201)
NARROW = (13, 14, 16, 18, 20, 21, 27, 32, 6, 1, 1, 1, 1, 1, 1, 1)
WIDE = (18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 1, 1, 1, 1, 1, 1)


def is_cut_off(path: Path, container: Container) -> bool:
    """Return True if the file states more bytes than it has.

    Raises:
        Unusable: if it lacks what is needed to find its sound
        OSError: if it cannot be read
    """
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        look = LOOKS.get(container.demuxer)
        return look is not None and look(data) > len(data)


def _boxes(data: mmap.mmap) -> int:
    """Return where the last box of an MP4 file ends (ISO/IEC 14496-12, 4.2)."""
    at, names = 0, set[bytes]()
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        if size == 1 and at + 16 <= len(data):
            (size,) = struct.unpack_from(">Q", data, at + 8)
        if not (name.isascii() and name.decode().isprintable()):
            break  # bytes behind the last box
        names.add(name)
        if size == 0:  # up to the end of the file
            size = len(data) - at
        if size < 8:
            break
        at += size
    if not names & {b"moov", b"moof"}:
        raise Unusable(
            "has no index (moov): it is cut off, or its recording was not finished; "
            "copy it again from where it was recorded"
        )
    return at


def _segment(data: mmap.mmap) -> int:
    """Return where the segment of a WebM file ends; 0 if that is not stated."""
    header, size = _element(data, 4)
    at = header + size if size is not None else len(data)
    if data[at : at + 4] != SEGMENT:
        return 0
    begin, size = _element(data, at + 4)
    return 0 if size is None else begin + size


def _element(data: mmap.mmap, at: int) -> tuple[int, int | None]:
    """Return where the body of an element begins, and its size; None: not stated."""
    first = data[at] if at < len(data) else 0
    width = 9 - first.bit_length()
    size = int.from_bytes(data[at : at + width]) & ((1 << 7 * width) - 1)
    return at + width, None if size == (1 << 7 * width) - 1 or not first else size


def _aac_frames(data: mmap.mmap) -> int:
    """Return where the last of the AAC frames that follow one another ends."""
    at = media_containers.tag_length(data[: media_containers.TAG])
    while length := media_containers.aac_length(data[at : at + 7]):
        at += length
    partial = 0 < len(data) - at < 7 and data[at] == 0xFF
    return at + 7 if partial else at


def _amr_frames(data: mmap.mmap) -> int:
    """Return where the last AMR frame ends."""
    wide = data[:9] == b"#!AMR-WB\n"
    at, sizes = (9, WIDE) if wide else (6, NARROW)
    while at < len(data):
        at += sizes[data[at] >> 3 & 15]
    return at


LOOKS: dict[str, Callable[[mmap.mmap], int]] = {
    media_containers.MP4.demuxer: _boxes,
    media_containers.WEBM.demuxer: _segment,
    media_containers.AAC.demuxer: _aac_frames,
    media_containers.AMR.demuxer: _amr_frames,
}
