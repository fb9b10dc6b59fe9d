"""Detection of truncated audio containers, by their structure.

libav decodes the rest of a truncated file without a warning. Boxes, elements and frames
state their sizes, so a size beyond the end of the file reveals it. This module does not
decode samples.
"""

import mmap
import struct
from collections.abc import Callable
from pathlib import Path

from affuse.extract.audio import media_containers
from affuse.extract.audio.media_containers import Container
from affuse.extract.audio.refusal import Unusable

EBML, SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"  # RFC 8794, RFC 9559
# Bytes of an AMR frame by its type, including the first byte (RFC 4867, 5.3; 3GPP TS
# 26.101 and 26.201).
NARROW = (13, 14, 16, 18, 20, 21, 27, 32, 6, 1, 1, 1, 1, 1, 1, 1)
WIDE = (18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 1, 1, 1, 1, 1, 1)


def is_cut_off(path: Path, container: Container) -> bool:
    """Return True if the file states more bytes than it has.

    Args:
        path: of the file
        container: of the file

    Raises:
        Unusable: if it lacks the index that locates its samples
        OSError: if it cannot be read
    """
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        last_position = END_POSITIONS.get(container.demuxer)
        return last_position is not None and last_position(data) > len(data)


def _boxes(data: mmap.mmap) -> int:
    """Return the end position of an MP4 file's last box (ISO/IEC 14496-12, 4.2)."""
    at, names = 0, set[bytes]()
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        if size == 1 and at + 16 <= len(data):
            (size,) = struct.unpack_from(">Q", data, at + 8)
        if not (name.isascii() and name.decode().isprintable()):
            break  # bytes behind the last box
        names.add(name)
        if size == 0:  # means up to the end of the file
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
    """Return the end position of a WebM file's segment, or 0 if it is not stated."""
    header, size = _element(data, 4)
    at = header + size if size is not None else len(data)
    if data[at : at + 4] != SEGMENT:
        return 0
    begin, size = _element(data, at + 4)
    return 0 if size is None else begin + size


def _element(data: mmap.mmap, at: int) -> tuple[int, int | None]:
    """Return the position of an element's body, and its size or None if not stated."""
    first = data[at] if at < len(data) else 0
    width = 9 - first.bit_length()
    size = int.from_bytes(data[at : at + width]) & ((1 << 7 * width) - 1)
    return at + width, None if size == (1 << 7 * width) - 1 or not first else size


def _aac_frames(data: mmap.mmap) -> int:
    """Return the end position of the last of consecutive AAC frames."""
    at = media_containers.tag_length(data[: media_containers.TAG])
    while length := media_containers.aac_length(data[at : at + 7]):
        at += length
    partial = 0 < len(data) - at < 7 and data[at] == 0xFF
    return at + 7 if partial else at


def _amr_frames(data: mmap.mmap) -> int:
    """Return the end position of the last AMR frame."""
    wide = data[:9] == b"#!AMR-WB\n"
    at, sizes = (9, WIDE) if wide else (6, NARROW)
    while at < len(data):
        at += sizes[data[at] >> 3 & 15]
    return at


END_POSITIONS: dict[str, Callable[[mmap.mmap], int]] = {  # by demuxer
    media_containers.MP4.demuxer: _boxes,
    media_containers.WEBM.demuxer: _segment,
    media_containers.AAC.demuxer: _aac_frames,
    media_containers.AMR.demuxer: _amr_frames,
}
