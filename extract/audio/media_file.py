"""Audio in containers that libsndfile cannot read, decoded by libav (the package av).

A `MediaFile` has the interface of `soundfile.SoundFile`. Its length is counted by
decoding the file completely, because the length in a header is often an estimate.
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

PREROLL = 1.0  # seconds decoded before a span, so that the decoder's state is right
GAP = 0.05  # seconds by which timestamps and samples may differ


@dataclass(frozen=True)
class Track:
    """Audio track of a file, measured by decoding it."""

    rate: int  # Hz
    channels: int
    frames: int
    begin: float  # seconds of the first sample, by its timestamp
    # True if timestamps agree with the numbers of samples, so that seeking is exact
    has_exact_times: bool
    is_cut_off: bool
    notes: tuple[str, ...]


class MediaFile:
    """Audio in a container, with the interface of `soundfile.SoundFile`.

    Args:
        path: of the file
        container: as `affuse.extract.audio.media_containers.find` returns it

    Raises:
        Unusable: if the package av is missing, or the file cannot be decoded
    """

    extra_info = ""  # libsndfile's log, which libav does not have

    def __init__(self, path: Path, container: Container) -> None:
        status = os.stat(path)
        self._path, self._container = path, container
        self._track = measure_track(
            path, container, (status.st_mtime_ns, status.st_size)
        )
        self.samplerate, self.channels = self._track.rate, self._track.channels
        self.frames = self._track.frames
        self.notes, self.is_cut_off = self._track.notes, self._track.is_cut_off
        self.seek(0)

    def seek(self, frame: int) -> None:
        """Go to a frame."""
        self._blocks = self._decode(frame)
        self._left = np.empty((0, self.channels), np.float32)

    def read(self, frames: int, **_: Any) -> np.ndarray:
        """Return (frames, channels) float32, fewer at the end of the file."""
        blocks, missing = [self._left], frames - len(self._left)
        while missing > 0 and (block := next(self._blocks, None)) is not None:
            blocks.append(block)
            missing -= len(block)
        samples = np.concatenate(blocks)
        self._left = samples[frames:]
        return samples[:frames]

    def close(self) -> None:
        """Close the file."""
        self._blocks.close()

    def _decode(self, frame: int) -> Generator[np.ndarray, None, None]:
        """Yield blocks of samples from a frame on; seek only in an MP4 file."""
        track, at = self._track, 0
        early = frame / track.rate - PREROLL
        with (
            media_track.open_track(self._path, self._container) as (container, stream),
            media_track.convert_errors(),
        ):
            if (
                self._container is media_containers.MP4
                and track.has_exact_times
                and early > 0
            ):
                container.seek(
                    int((track.begin + early) / stream.time_base), stream=stream
                )
                at = -1
            for decoded in media_track.frames(container, stream):
                if at < 0:
                    at = round(
                        (media_track.seconds(decoded) - track.begin) * track.rate
                    )
                    if not 0 <= at <= frame:
                        raise Unusable("cannot be searched; convert it to WAV or FLAC")
                block = media_track.samples(decoded)[max(0, frame - at) :]
                at += decoded.samples
                if len(block):
                    yield block


@lru_cache(2**14)  # a file is probed before it is read, and may have many spans
def measure_track(path: Path, container: Container, _: tuple[int, int]) -> Track:
    """Decode a file completely, and return the properties of its audio track.

    Args:
        path: of the file
        container: of the file

    Raises:
        Unusable: if it cannot be decoded to its end, unless it is cut off
    """
    media_track.require_av(path, container)
    cut_off = media_layout.is_cut_off(path, container)
    with media_track.open_track(path, container) as (media, stream):
        origin = (media.start_time or 0) / 1e6
        counter = _Counter()
        try:
            with media_track.convert_errors():
                for frame in media_track.frames(media, stream):
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
            has_exact_times=counter.has_exact_times,
            is_cut_off=cut_off,
            notes=(
                *media_track.unread_track_notes(media, stream),
                *counter.notes(origin),
            ),
        )


class _Counter:
    """Counter of a track's samples, which also checks that its frames agree."""

    def __init__(self) -> None:
        self.rate = self.channels = self.frames = 0
        self.begin = self.end = 0.0  # seconds, by timestamps
        self.has_exact_times = True

    def add(self, frame: Any) -> None:
        """Count the samples of a frame."""
        layout = (frame.sample_rate, frame.layout.nb_channels)
        if not self.frames:
            self.rate, self.channels = layout
            self.begin = media_track.seconds(frame)
        if layout != (self.rate, self.channels):
            raise Unusable(
                "changes its sampling rate or channels; convert it to WAV or FLAC"
            )
        stated = (media_track.seconds(frame) - self.begin) * self.rate
        self.has_exact_times = self.has_exact_times and abs(stated - self.frames) < 0.5
        self.frames += frame.samples
        self.end = media_track.seconds(frame) + frame.samples / self.rate

    def notes(self, origin: float) -> Iterator[str]:
        """Yield a sentence if timestamps and samples disagree on the duration.

        Args:
            origin: seconds at which the file begins, including its pictures
        """
        gap = self.end - min(origin, self.begin) - self.frames / self.rate
        if abs(gap) > GAP:
            direction = "more" if gap > 0 else "less"
            yield (
                f"its timestamps last {abs(gap):.2f} s {direction} than its samples; "
                f"nothing was filled in or cut, and spans count from the first sample"
            )
