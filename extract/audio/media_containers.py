"""Recognition of audio containers that need the package av, by their first bytes.

libsndfile reads all other audio files, but not these. This module also has the advice
for users without av. `affuse.extract.audio.media_file` decodes the files.
"""

import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

from affuse.data.system.environment import extra_command

HEAD = 16  # bytes that identify a container
TAG = 10  # bytes of the head of an ID3 tag, which may precede AAC frames
BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")  # first box of an MP4
SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}")  # that is safe in a shell command


@dataclass(frozen=True)
class Container:
    """Type of container."""

    name: str  # for sentences, with its article
    demuxer: str  # libav's name of the demuxer
    suffix: str  # usual suffix of such files


MP4 = Container("an MP4 file (m4a, mp4, mov, 3gp)", "mov", ".m4a")
AAC = Container("an AAC file without a container", "aac", ".aac")
WEBM = Container("a WebM or Matroska file", "matroska", ".webm")
AMR = Container("an AMR file", "amr", ".amr")
MPEG = Container(  # recognised by `affuse.extract.audio.header_corrections`
    "an MPEG file of layer I or II whose length libsndfile misjudges", "mp3", ".mp2"
)
SUFFIXES = (
    ".m4a", ".mp4", ".mov", ".3gp", ".aac", ".webm", ".mka", ".mkv", ".amr", ".awb",
)  # fmt: skip


def find(path: Path) -> Container | None:
    """Return the container of a file by its content, or None for all other files.

    Args:
        path: of the file; its name is ignored

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
    """Return the bytes of an AAC frame, or 0 if `head` does not begin one.

    The format of the head is ADTS (ISO/IEC 13818-7, 6.2).

    Args:
        head: at least the first seven bytes
    """
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return 0
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return length if length >= 7 and head[2] >> 2 & 15 < 13 else 0


def tag_length(head: bytes) -> int:
    """Return the bytes of an ID3 tag, or 0 if `head` does not begin one.

    Args:
        head: at least the first ten bytes
    """
    if head[:3] != b"ID3" or len(head) < TAG:
        return 0
    a, b, c, d = head[6:TAG]
    return TAG + (a << 21 | b << 14 | c << 7 | d)


def _begins_with_aac(file: BinaryIO, head: bytes) -> bool:
    """Return True if a file begins with two AAC frames, or consists of one."""
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
    """Return the remedies for a file that needs `av`: install it, or convert the file.

    Args:
        container: of the file
        path: of the file
    """
    suffix = path.suffix if SUFFIX.fullmatch(path.suffix) else container.suffix
    other = ".flac" if suffix.lower() == ".wav" else ".wav"
    return (
        f"is {container.name}, which needs the package av; "
        f"{extra_command('av')}, or convert the file, as with: "
        f"ffmpeg -i NAME{suffix} NAME{other}"
    )
