"""What must be corrected of a sound file before libsndfile reads all of it.

It collects what the modules on each format find.
"""

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from affuse.extract.audio import (
    data_size,
    media_containers,
    mpeg_frames,
    nist_size,
    ogg_links,
)
from affuse.extract.audio.media_containers import Container
from affuse.extract.audio.spliced_file import Piece

OLD_LAYERS = {  # whose length libsndfile guesses from the first bit rate
    "MPEG_LAYER_I": mpeg_frames.LAYER_I,
    "MPEG_LAYER_II": mpeg_frames.LAYER_II,
}


@dataclass(frozen=True)
class Correction:
    """How to read a file, and what to say about it."""

    pieces: tuple[Piece, ...] = ()  # to read instead of the file; empty: as it is
    links: tuple[range, ...] = ()  # parts to read one after the other; empty: one
    notes: tuple[str, ...] = ()
    cut_off: bool = False  # whether samples that the header promises are missing
    container: Container | None = None  # to read by libav instead of libsndfile
    refusal: str = ""  # why it cannot be read as a whole

    @property
    def parts(self) -> tuple[tuple[Piece, ...], ...]:
        """Return the pieces of each part to open; none if the file is read as it is."""
        if self.links:
            return tuple((link,) for link in self.links)
        return (self.pieces,) if self.pieces else ()


def find(path: Path, form: str, subtype: str, frames: int) -> Correction:
    """Return what must be corrected of a file.

    Args:
        path: of the file
        form: as libsndfile calls the format, such as ``MP3``
        subtype: as libsndfile calls the coding, such as ``MPEG_LAYER_III``
        frames: samples of a channel that libsndfile would read
    """
    status = os.stat(path)
    return _found(path, form, subtype, frames, (status.st_mtime_ns, status.st_size))


@lru_cache(16)  # many spans of one long recording follow one another
def _found(
    path: Path, form: str, subtype: str, frames: int, _: tuple[int, int]
) -> Correction:
    if layer := OLD_LAYERS.get(subtype):
        right = mpeg_frames.count(path, layer) == frames
        return Correction(container=None if right else media_containers.MPEG)
    if form == "MP3":
        return _mpeg(path)
    if form == "OGG":
        return _ogg(path)
    if form == "NIST":
        return Correction(cut_off=nist_size.is_cut_off(path))
    size = data_size.find(path)
    if size is None:
        return Correction()
    pieces = size.corrected() if size.is_mended else ()
    return Correction(
        pieces, notes=(size.note,) if size.note else (), cut_off=size.is_cut_off
    )


def _ogg(path: Path) -> Correction:
    links = ogg_links.find(path)
    notes = []
    if several := len(links.ranges) > 1:
        streams = len(links.ranges)
        notes.append(f"is a chained Ogg file of {streams} streams; read as one")
    if not links.cut_off and not links.ended:
        notes.append("ends without a last page, so that its end may be missing")
    return Correction(
        links=links.ranges if several else (),
        notes=tuple(notes),
        cut_off=links.cut_off,
    )


def _mpeg(path: Path) -> Correction:
    frames = mpeg_frames.find(path)
    if frames is None:
        return Correction(
            refusal="is an MP3 file whose frames cannot be counted, so that its "
            "length is not known; convert it to WAV or FLAC"
        )
    if frames.mixed:
        return Correction(
            refusal="is several MP3 files of different sampling rates or channels, "
            "joined; convert each of them to WAV or FLAC"
        )
    pieces = frames.corrected() if frames.is_false else ()
    return Correction(pieces, notes=(frames.note,) if frames.note else ())
