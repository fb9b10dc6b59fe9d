"""Corrections that an audio file needs before libsndfile can read all of it.

The modules on each format find the errors; this module collects them.
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

OLD_LAYERS = {  # their length is guessed by libsndfile from the first bit rate
    "MPEG_LAYER_I": mpeg_frames.LAYER_I,
    "MPEG_LAYER_II": mpeg_frames.LAYER_II,
}


@dataclass(frozen=True)
class Correction:
    """Way to read a file, and notes on it."""

    pieces: tuple[Piece, ...] = ()  # to read instead of the file; empty: unchanged
    links: tuple[range, ...] = ()  # streams to read in this order; empty: only one
    notes: tuple[str, ...] = ()
    cut_off: bool = False  # True if samples that the header promises are missing
    container: Container | None = None  # to be decoded by libav, not by libsndfile
    refusal: str = ""  # reason why the file cannot be read

    @property
    def parts(self) -> tuple[tuple[Piece, ...], ...]:
        """Return the pieces of each stream; () if the file is read unchanged."""
        if self.links:
            return tuple((link,) for link in self.links)
        return (self.pieces,) if self.pieces else ()


def find(path: Path, form: str, subtype: str, frames: int) -> Correction:
    """Return the correction that a file needs.

    Args:
        path: of the file
        form: libsndfile's name of the format, such as ``MP3``
        subtype: libsndfile's name of the coding, such as ``MPEG_LAYER_III``
        frames: samples per channel that libsndfile would read
    """
    status = os.stat(path)
    return _correction(
        path, form, subtype, frames, (status.st_mtime_ns, status.st_size)
    )


@lru_cache(16)  # consecutive utterances are often spans of one long recording
def _correction(
    path: Path, form: str, subtype: str, frames: int, _: tuple[int, int]
) -> Correction:
    if layer := OLD_LAYERS.get(subtype):
        is_exact = mpeg_frames.count(path, layer) == frames
        return Correction(container=None if is_exact else media_containers.MPEG)
    if form == "MP3":
        return _mpeg(path)
    if form == "OGG":
        return _ogg(path)
    if form == "NIST":
        return Correction(cut_off=nist_size.is_cut_off(path))
    size = data_size.find(path)
    if size is None:
        return Correction()
    pieces = size.corrected_pieces() if size.is_mended else ()
    return Correction(
        pieces, notes=(size.note,) if size.note else (), cut_off=size.is_cut_off
    )


def _ogg(path: Path) -> Correction:
    links = ogg_links.find(path)
    notes = []
    if is_chained := len(links.ranges) > 1:
        streams = len(links.ranges)
        notes.append(f"is a chained Ogg file of {streams} streams; read as one")
    if not links.cut_off and not links.ended:
        notes.append("ends without a last page, so that its end may be missing")
    return Correction(
        links=links.ranges if is_chained else (),
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
    pieces = frames.corrected_pieces() if frames.is_miscounted else ()
    return Correction(pieces, notes=(frames.note,) if frames.note else ())
