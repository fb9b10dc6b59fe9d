"""Count of the frames of an MP3 file, for files that state no length or a wrong one.

The header of a frame states its length, so frames are counted without decoding. Joined
files count as one list of frames.
"""

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from affuse.extract.audio.spliced_file import Piece

VERSIONS = {3: 1, 2: 2, 0: 2.5}  # two bits of a header -> version of MPEG
RATES: dict[float, tuple[int, ...]] = {  # Hz
    1: (44_100, 48_000, 32_000),
    2: (22_050, 24_000, 16_000),
    2.5: (11_025, 12_000, 8_000),
}
LAYER_III, LAYER_II, LAYER_I = 1, 2, 3  # codes in a header
BITS_1 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)  # kbit/s
BITS_2 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
BITS: dict[tuple[int, bool], tuple[int, ...]] = {  # by layer; True for MPEG 1
    (LAYER_I, True): tuple(range(32, 449, 32)),
    (LAYER_I, False): (32, 48, 56, *range(64, 145, 16), 160, 176, 192, 224, 256),
    (LAYER_II, True): (32, 48, 56, *BITS_1[4:], 384),
    (LAYER_II, False): BITS_2,
    (LAYER_III, True): BITS_1,
    (LAYER_III, False): BITS_2,
}
BIT_RATE_CODE = 9  # code of a bit rate whose frames are large enough to state a count
GARBAGE = 2**20  # bytes that are searched for the next frame


@dataclass(frozen=True)
class FrameHeader:
    """Values in the four bytes at the beginning of a frame."""

    version: float
    rate: int  # Hz
    channels: int
    length: int  # bytes of the frame
    layer: int = LAYER_III

    @property
    def samples(self) -> int:
        """Return the number of samples of a frame."""
        return _samples(self.layer, self.version)

    @property
    def side(self) -> int:
        """Return the bytes between the header and the main data."""
        if self.version == 1:
            return 17 if self.channels == 1 else 32
        return 9 if self.channels == 1 else 17

    def is_like(self, other: "FrameHeader") -> bool:
        """Return True if version, rate and channels of both headers agree."""
        layout = (self.version, self.rate, self.channels)
        return layout == (other.version, other.rate, other.channels)


@dataclass(frozen=True)
class Frames:
    """Frames of a file, without those that only state a count."""

    ranges: tuple[range, ...]  # positions of consecutive frames
    count: int
    stated: int | None  # count that the first frame states; None: it states none
    joined: int  # number of frames that state a count, one for each joined file
    mixed: bool  # True if sampling rate or channels change
    head: bytes  # of the first frame
    first: FrameHeader

    @property
    def is_miscounted(self) -> bool:
        """Return True if no count is stated, or one that is too small."""
        return self.stated is None or self.stated < self.count - 1

    @property
    def note(self) -> str:
        """Return what is wrong with the stated count, or ""."""
        if self.stated is None:
            return f"states no length; {self.count} MP3 frames were counted"
        if self.joined > 1:
            return f"is {self.joined} MP3 files joined; read as one"
        if self.is_miscounted:
            return f"states {self.stated} of {self.count} MP3 frames; all were read"
        return ""

    def corrected_pieces(self) -> tuple[Piece, ...]:
        """Return the frames after a new first frame that states their count."""
        bits = (self.head[2] & 0x0C) | BIT_RATE_CODE << 4
        head = bytes((0xFF, self.head[1] | 1, bits, self.head[3]))
        header = parse_header(head)
        assert header is not None
        counting_frame = (
            head + bytes(header.side) + struct.pack(">4sII", b"Xing", 1, self.count)
        )
        return (counting_frame.ljust(header.length, b"\0"), *self.ranges)


def _samples(layer: int, version: float) -> int:
    """Return the number of samples of a frame (ISO/IEC 11172-3, 2.4.2.1; 13818-3)."""
    if layer == LAYER_I:
        return 384
    return 576 if layer == LAYER_III and version != 1 else 1152


def parse_header(head: bytes, layer: int = LAYER_III) -> FrameHeader | None:
    """Return the values in a header, or None if it is no header of this layer.

    Args:
        head: the first four bytes of a frame
        layer: LAYER_I, LAYER_II or LAYER_III
    """
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version = VERSIONS.get(head[1] >> 3 & 3)
    bits, rate = head[2] >> 4, head[2] >> 2 & 3
    if version is None or head[1] >> 1 & 3 != layer or rate == 3:
        return None
    if not 0 < bits < 15:
        return None
    sampling_rate = RATES[version][rate]
    slot = 4 if layer == LAYER_I else 1  # bytes
    bytes_per_slot = 1000 * BITS[layer, version == 1][bits - 1] // 8 // slot
    slots = bytes_per_slot * _samples(layer, version) // sampling_rate + (
        head[2] >> 1 & 1
    )
    channels = 1 if head[3] >> 6 == 3 else 2
    return FrameHeader(version, sampling_rate, channels, slot * slots, layer)


def read_stated_count(frame: bytes, header: FrameHeader) -> int | None:
    """Return the number of frames that a frame states, or None if it holds sound.

    Args:
        frame: its first bytes
        header: of the frame

    Returns:
        -1 for a frame that should state a count and does not
    """
    at = 4 + header.side
    if frame[at : at + 4] in (b"Xing", b"Info"):
        flags, count = struct.unpack_from(">II", frame.ljust(at + 12, b"\0"), at + 4)
        return int(count) if flags & 1 else -1
    if frame[36:40] == b"VBRI":
        return int(struct.unpack_from(">I", frame.ljust(54, b"\0"), 50)[0])
    return None


def find(path: Path) -> Frames | None:
    """Return the frames of an MP3 file, or None if it has none of layer III."""
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as m,
    ):
        return _count_frames(m)


def count(path: Path, layer: int) -> int:
    """Return the number of samples in all frames of one layer, at any sampling rate.

    Args:
        path: of the file
        layer: LAYER_I, LAYER_II or LAYER_III
    """
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        return sum(header.samples for _, header in _walk(data, layer))


def _count_frames(data: mmap.mmap) -> Frames | None:
    ranges: list[range] = []
    counts: list[int] = []
    first, head, count, mixed = None, b"", 0, False
    for at, header in _walk(data):
        number = read_stated_count(data[at : at + 60], header)
        if number is not None:
            counts.append(number)
            continue
        if first is None:
            first, head = header, data[at : at + 4]
        mixed = mixed or not header.is_like(first)
        count += 1
        begin = ranges.pop().start if ranges and ranges[-1].stop == at else at
        ranges.append(range(begin, at + header.length))
    if first is None:
        return None
    stated_count = counts[0] if counts and counts[0] >= 0 else None
    return Frames(tuple(ranges), count, stated_count, len(counts), mixed, head, first)


def _walk(data: mmap.mmap, layer: int = LAYER_III) -> Iterator[tuple[int, FrameHeader]]:
    """Yield position and header of each complete frame, skipping tags."""
    at, size = 0, len(data)
    while at + 4 <= size:
        header = parse_header(data[at : at + 4], layer)
        if header and at + header.length <= size:
            yield at, header
            at += header.length
        elif data[at : at + 3] == b"ID3" and at + 10 <= size:
            a, b, c, d = data[at + 6 : at + 10]
            at += 10 + (a << 21 | b << 14 | c << 7 | d)
        elif data[at : at + 3] == b"TAG":
            at += 128
        else:
            position = _next_position(data, at + 1, layer)
            if position is None:
                return
            at = position


def _next_position(data: mmap.mmap, at: int, layer: int) -> int | None:
    """Return the position of the next frame that another frame follows, or None."""
    limit = min(len(data), at + GARBAGE)
    while (at := data.find(b"\xff", at, limit)) >= 0:
        header = parse_header(data[at : at + 4], layer)
        after = at + header.length if header else at
        if header and parse_header(data[after : after + 4], layer):
            return at
        at += 1
    return None
