"""Sequence of audio streams that is read as one file: a chained Ogg file's links."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from affuse.data.errors import AffuseError


class SoundSequence:
    """Sequence of open audio files with the interface of `soundfile.SoundFile`.

    Args:
        files: each at its beginning

    Raises:
        AffuseError: if they differ in sampling rate or channels
    """

    def __init__(self, files: Sequence[Any]) -> None:
        if len({(file.samplerate, file.channels) for file in files}) > 1:
            raise AffuseError(
                "its parts differ in sampling rate or channels; convert each of them "
                "to WAV or FLAC"
            )
        self._files = files
        self.format, self.subtype = files[0].format, files[0].subtype
        self.samplerate: int = files[0].samplerate
        self.channels: int = files[0].channels
        self.frames = sum(file.frames for file in files)
        self.extra_info = "\n".join(file.extra_info for file in files)
        self._place = 0  # index of the file that is read

    def seek(self, frame: int) -> None:
        """Go to a frame, counted from the beginning of the first file."""
        self._place = 0
        while self._place < len(self._files) - 1:
            if frame < self._files[self._place].frames:
                break
            frame -= self._files[self._place].frames
            self._place += 1
        self._files[self._place].seek(min(frame, self._files[self._place].frames))
        for file in self._files[self._place + 1 :]:
            file.seek(0)

    def read(self, frames: int, **options: Any) -> np.ndarray:
        """Return at most `frames` frames: fewer at a file's end, none after the last.

        Args:
            frames: to read
            options: as for `soundfile.SoundFile.read`
        """
        while True:
            file = self._files[self._place]
            samples: np.ndarray = file.read(frames, **options)
            if len(samples) or file is self._files[-1]:
                return samples
            self._place += 1
