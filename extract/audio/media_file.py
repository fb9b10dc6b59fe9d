"""Sound in containers that libsndfile cannot read, decoded by libav (the package av).

A `MediaFile` is read like a `soundfile.SoundFile`. Its length is counted by decoding
all of it, because what a header states is often an estimate.
"""

import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from affuse.extract.audio import media_containers, media_layout, media_track
from affuse.extract.audio.media_containers import Container
from affuse.extract.audio.refusal import Unusable

PREROLL = 1.0  # seconds decoded before a span, so that the decoder is in its state
GAP = 0.05  # seconds that timestamps and samples may differ


@dataclass(frozen=True)
class Track:
    """The sound of a file, as it was counted by decoding it."""

    rate: int  # Hz
    channels: int
    frames: int
    begin: float  # seconds of the first sample, by its timestamp
    is_even: bool  # whether timestamps count samples, so that they tell positions
    is_cut_off: bool
    notes: tuple[str, ...]


class MediaFile:
    """Sound in a container, read as `soundfile.SoundFile` is.

    Args:
        path: of the file
        container: of the file, as `affuse.extract.audio.media_containers.find` tells it

    Raises:
        Unusable: if the package av is missing, or the file cannot be decoded
    """

    extra_info = ""  # of libsndfile

    def __init__(self, path: Path, container: Container) -> None:
        status = os.stat(path)
        self._path, self._container = path, container
        self._track = count(path, container, (status.st_mtime_ns, status.st_size))
        self.samplerate, self.channels = self._track.rate, self._track.channels
        self.frames = self._track.frames
        self.notes, self.is_cut_off = self._track.notes, self._track.is_cut_off
        self.seek(0)

    def seek(self, frame: int) -> None:
        """Go to a frame."""
        self._blocks = self._decoded(frame)
        self._left = np.empty((0, self.channels), np.float32)

    def read(self, frames: int, **_: Any) -> np.ndarray:
        """Return (n, channels) float32, `frames` of them but at the end of the file."""
        found, missing = [self._left], frames - len(self._left)
        while missing > 0 and (block := next(self._blocks, None)) is not None:
            found.append(block)
            missing -= len(block)
        made = np.concatenate(found)
        self._left = made[frames:]
        return made[:frames]

    def close(self) -> None:
        """Close the file."""
        self._blocks.close()

    def _decoded(self, frame: int) -> Generator[np.ndarray, None, None]:
        """Yield the samples from a frame on; only an MP4 file can be searched."""
        track, at = self._track, 0
        early = frame / track.rate - PREROLL
        with (
            media_track.opened(self._path, self._container) as (opened, stream),
            media_track.faults(),
        ):
            if self._container is media_containers.MP4 and track.is_even and early > 0:
                opened.seek(
                    int((track.begin + early) / stream.time_base), stream=stream
                )
                at = -1
            for each in media_track.frames(opened, stream):
                if at < 0:
                    at = round((media_track.seconds(each) - track.begin) * track.rate)
                    if not 0 <= at <= frame:
                        raise Unusable("cannot be searched; convert it to WAV or FLAC")
                block = media_track.samples(each)[max(0, frame - at) :]
                at += each.samples
                if len(block):
                    yield block


@lru_cache(2**14)  # a file is probed first, and may have many spans
def count(path: Path, container: Container, _: tuple[int, int]) -> Track:
    """Decode a file to know its sound.

    Raises:
        Unusable: if it cannot be decoded to its end, unless it is cut off
    """
    media_track.demand(path, container)
    cut_off = media_layout.is_cut_off(path, container)
    with media_track.opened(path, container) as (opened, stream):
        origin = (opened.start_time or 0) / 1e6
        counter = _Counter()
        try:
            with media_track.faults():
                for frame in media_track.frames(opened, stream):
                    counter.add(frame)
        except Unusable:
            if not cut_off:
                raise
        if not counter.frames:
            raise Unusable("has no samples")
        return Track(
            rate=counter.rate,
            channels=counter.channels,
            frames=counter.frames,
            begin=counter.begin,
            is_even=counter.is_even,
            is_cut_off=cut_off,
            notes=(*media_track.left_out(opened, stream), *counter.notes(origin)),
        )


class _Counter:
    """What the frames of a track have in common, and how many samples there are."""

    def __init__(self) -> None:
        self.rate = self.channels = self.frames = 0
        self.begin = self.end = 0.0  # seconds, by timestamps
        self.is_even = True

    def add(self, frame: Any) -> None:
        """Count the samples of a frame."""
        alike = (frame.sample_rate, frame.layout.nb_channels)
        if not self.frames:
            self.rate, self.channels = alike
            self.begin = media_track.seconds(frame)
        if alike != (self.rate, self.channels):
            raise Unusable(
                "changes its sampling rate or channels; convert it to WAV or FLAC"
            )
        stated = (media_track.seconds(frame) - self.begin) * self.rate
        self.is_even = self.is_even and abs(stated - self.frames) < 0.5
        self.frames += frame.samples
        self.end = media_track.seconds(frame) + frame.samples / self.rate

    def notes(self, origin: float) -> Iterator[str]:
        """Yield a sentence if timestamps say another length than the samples have.

        Args:
            origin: seconds at which the file begins, pictures included
        """
        gap = self.end - min(origin, self.begin) - self.frames / self.rate
        if abs(gap) > GAP:
            more = "more" if gap > 0 else "less"
            yield (
                f"its timestamps last {abs(gap):.2f} s {more} than its samples; nothing"
                f" was filled in or cut, and spans count from the first sample"
            )
