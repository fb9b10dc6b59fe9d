"""Containers of compressed sound that need the package av, known by their content.

libsndfile, which reads all other sound files, cannot read them. This module reads their
first bytes and says what the user can do; `affuse.extract.audio.media_file` decodes
them.
"""

import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

from affuse.data.system.environment import extra_command

HEAD = 16  # bytes that tell a container
TAG = 10  # bytes of the head of an ID3 tag, which may lie before AAC
BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")  # an MP4 begins so
SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}")  # of a name; others may confuse a shell


@dataclass(frozen=True)
class Container:
    """A kind of file."""

    name: str  # as sentences call it
    demuxer: str  # as libav calls what takes it apart
    suffix: str  # that such files usually have


MP4 = Container("an MP4 file (m4a, mp4, mov, 3gp)", "mov", ".m4a")
AAC = Container("an AAC file without a container", "aac", ".aac")
WEBM = Container("a WebM or Matroska file", "matroska", ".webm")
AMR = Container("an AMR file", "amr", ".amr")
MPEG = Container(  # which `affuse.extract.audio.header_corrections` tells from others
    "an MPEG file of layer I or II whose length libsndfile misjudges", "mp3", ".mp2"
)
SUFFIXES = (
    ".m4a", ".mp4", ".mov", ".3gp", ".aac", ".webm", ".mka", ".mkv", ".amr", ".awb",
)  # fmt: skip


def find(path: Path) -> Container | None:
    """Return the container of a file, whatever its name; None for all other files.

    Raises:
        OSError: if the file cannot be read
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
        if head[4:8] in BOXES:
            return MP4
        if head[:4] == b"\x1a\x45\xdf\xa3":
            return WEBM
        if head.startswith((b"#!AMR\n", b"#!AMR-WB\n")):
            return AMR
        return AAC if _begins_with_aac(file, head) else None


def aac_length(head: bytes) -> int:
    """Return the bytes of the AAC frame that these seven begin; 0 if they are none.

    The head is that of ADTS (ISO/IEC 13818-7, 6.2).
    """
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return 0
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return length if length >= 7 and head[2] >> 2 & 15 < 13 else 0


def tag_length(head: bytes) -> int:
    """Return the bytes of the ID3 tag that these ten begin; 0 if they are none."""
    if head[:3] != b"ID3" or len(head) < TAG:
        return 0
    a, b, c, d = head[6:TAG]
    return TAG + (a << 21 | b << 14 | c << 7 | d)


def _begins_with_aac(file: BinaryIO, head: bytes) -> bool:
    """Return True if there are two AAC frames, or a single one that is all."""
    at = tag_length(head)
    file.seek(at)
    length = aac_length(file.read(7))
    file.seek(at + length)
    following = file.read(7)
    return length > 0 and (not following or aac_length(following) > 0)


def is_readable() -> bool:
    """Return True if the package that reads these containers is installed."""
    return find_spec("av") is not None


def advice(container: Container, path: Path) -> str:
    """Return a sentence: what the file is, and how it can be read without `av`."""
    suffix = path.suffix if SUFFIX.fullmatch(path.suffix) else container.suffix
    other = ".flac" if suffix.lower() == ".wav" else ".wav"
    return (
        f"is {container.name}, which needs the package av; "
        f"{extra_command('av')}, or convert the file, as with: "
        f"ffmpeg -i NAME{suffix} NAME{other}"
    )
