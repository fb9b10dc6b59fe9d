"""Sound files that were joined, read as one: the links of a chained Ogg file."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from affuse.data.errors import AffuseError


class SoundSequence:
    """Open sound files, read one after the other as `soundfile.SoundFile` is.

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
        self.format = files[0].format
        self.samplerate: int = files[0].samplerate
        self.channels: int = files[0].channels
        self.frames = sum(file.frames for file in files)
        self.extra_info = "\n".join(file.extra_info for file in files)
        self._place = 0  # of the file that is read

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
        """Return at most so many frames, fewer at the end of each file; then none."""
        while True:
            file = self._files[self._place]
            found: np.ndarray = file.read(frames, **options)
            if len(found) or file is self._files[-1]:
                return found
            self._place += 1
