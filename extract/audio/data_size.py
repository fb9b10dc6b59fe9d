"""Data size in the header of an uncompressed audio file, and its correction.

Some programs include the header in this size, or never fill it in after streaming. This
module finds the field, and compares it with the file. It does not decode samples.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from affuse.extract.audio.spliced_file import Piece

# Bytes. Programs that stream write larger sizes as placeholders.
LARGEST_STATED_SIZE = 2**31 - 2**16
HEADER = 44  # bytes of the shortest header of a WAV file
CHUNKS = 4096  # largest number of chunks that are read; real files have far fewer
W64_DATA = b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"


@dataclass(frozen=True)
class DataSize:
    """Stated size of the data, the position of its field, and the size of the file."""

    at: int  # position of the field
    form: str  # format of the field, as `struct` writes it
    stated: int  # bytes
    begin: int  # position of the first byte that the stated size includes
    length: int  # bytes of the whole file
    first: int  # position of the first sample
    followed: bool  # True if only complete chunks follow the stated end

    @property
    def present(self) -> int:
        """Return the bytes from `begin` to the end of the file."""
        return self.length - self.begin

    @property
    def is_open(self) -> bool:
        """Return True if no size is stated, but the file has samples."""
        is_empty = self.begin + self.stated <= self.first
        return is_empty and self.length > self.first and not self.followed

    @property
    def is_counted_with_header(self) -> bool:
        """Return True if the stated size exceeds the data by the size of a header."""
        excess = self.stated - self.present
        return 0 < excess <= HEADER or excess in (self.begin, self.begin - 8)

    @property
    def is_cut_off(self) -> bool:
        """Return True if samples that the header promises are missing."""
        excess = self.stated - self.present
        is_trusted = self.stated < LARGEST_STATED_SIZE or self.form[1] in "Qq"
        is_unknown = self.stated >= 2**62  # all bits are set, or nearly all
        return (
            excess > 0
            and is_trusted
            and not is_unknown
            and not self.is_counted_with_header
        )

    @property
    def is_mended(self) -> bool:
        """Return True if the file is read with a corrected size."""
        return self.is_open or self.is_counted_with_header

    @property
    def note(self) -> str:
        """Return what is wrong with the stated size, or ""."""
        if self.is_open:
            return "states no data size; read to the end of the file"
        if self.is_counted_with_header:
            excess = self.stated - self.present
            return (
                f"states a data size that is {excess} bytes too large; read to the end"
                f" of the file"
            )
        surplus = self.present - self.stated
        if surplus > 0 and not self.followed:
            return f"has {surplus} bytes behind its data that are no chunk; not read"
        return ""

    def corrected_pieces(self) -> tuple[Piece, ...]:
        """Return the pieces of the file with the corrected size in its field."""
        field = struct.pack(self.form, self.present)
        return (range(self.at), field, range(self.at + len(field), self.length))


def find(path: Path) -> DataSize | None:
    """Return the data size of a WAV, RF64, Wave64, AIFF, AU or CAF file.

    Args:
        path: of the file

    Returns:
        None for other files, and for files without data
    """
    length = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(40)
        if head[:4] in (b".snd", b"dns.") and len(head) >= 12:
            order = ">" if head[:4] == b".snd" else "<"
            begin, stated = struct.unpack(order + "II", head[4:12])
            return DataSize(8, order + "I", stated, begin, length, begin, False)
        layout = _layout(head)
        return _in_chunks(file, layout, length) if layout else None


@dataclass(frozen=True)
class Layout:
    """Layout of chunks in a file format."""

    begin: int  # position of the first chunk
    form: str  # format of a chunk's size, as `struct` writes it
    data: bytes  # name of the chunk with the samples
    lead: int = 0  # bytes in that chunk before the samples
    align: int = 2  # bytes; chunks begin at multiples of this number
    with_head: bool = False  # True if a size includes the chunk's name and size field

    def padded(self, size: int) -> int:
        """Return the distance in bytes from a chunk's content to the next chunk."""
        return -(-size // self.align) * self.align


def _layout(head: bytes) -> Layout | None:
    kind = head[:4] + head[8:12]
    if kind in (b"RIFFWAVE", b"RF64WAVE", b"BW64WAVE"):
        return Layout(12, "<I", b"data")
    if kind == b"RIFXWAVE":
        return Layout(12, ">I", b"data")
    if kind in (b"FORMAIFF", b"FORMAIFC"):
        return Layout(12, ">I", b"SSND", lead=8)
    if head[:4] == b"caff":
        return Layout(8, ">q", b"data", lead=4, align=1)
    if head[:4] == b"riff" and head[24:28] == b"wave":
        return Layout(40, "<Q", W64_DATA, align=8, with_head=True)
    return None


def _chunks(
    file: BinaryIO, layout: Layout, at: int, length: int
) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, position and stated size of each chunk that begins in the file."""
    name_size, field_size = len(layout.data), struct.calcsize(layout.form)
    for _ in range(CHUNKS):
        file.seek(at)
        head = file.read(name_size + field_size)
        if len(head) < name_size + field_size:
            return
        (size,) = struct.unpack(layout.form, head[name_size:])
        yield head[:name_size], at, size
        if size < (name_size + field_size if layout.with_head else 0):
            return
        at += layout.padded(size + (0 if layout.with_head else name_size + field_size))


def _in_chunks(file: BinaryIO, layout: Layout, length: int) -> DataSize | None:
    name_size, field_size = len(layout.data), struct.calcsize(layout.form)
    wide: tuple[int, int] | None = None  # position and value of the size in RF64
    for name, at, size in _chunks(file, layout, layout.begin, length):
        body = at + name_size + field_size
        if name == b"ds64":
            file.seek(body + 8)
            wide = (body + 8, *struct.unpack("<Q", file.read(8).ljust(8, b"\0")))
        if name == layout.data:
            field_position, form, stated = at + name_size, layout.form, size
            if wide and size == 2**32 - 1:
                (field_position, stated), form = wide, "<Q"
            begin = at if layout.with_head else body
            if stated < 0:  # in CAF, -1 means up to the end of the file
                return None
            first = body + layout.lead
            end = begin + layout.padded(stated)
            is_followed = end <= length and _chunks_fill_file(file, layout, end, length)
            return DataSize(
                field_position, form, stated, begin, length, first, is_followed
            )
    return None


def _chunks_fill_file(file: BinaryIO, layout: Layout, at: int, length: int) -> bool:
    """Return True if chunks with readable names fill the file from here to its end."""
    for name, begin, size in _chunks(file, layout, at, length):
        if not (name[:4].isascii() and name[:4].decode().isprintable()):
            return False
        head = 0 if layout.with_head else len(name) + struct.calcsize(layout.form)
        at = begin + head + size
    return length <= layout.padded(at) and at <= length + 1
