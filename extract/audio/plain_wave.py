"""WAV files in their plainest form, which are read without libsndfile.

Most recordings of corpora have this form: a header of 44 bytes that agrees with the
size of the file, and after it nothing but samples of 16 bits. There is nothing to
decode and nothing to correct, so that such a file is read several times as fast. The
samples are those of libsndfile, bit by bit. libsndfile reads all other files.
"""

import os
import struct
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path
from typing import Any

import numpy as np

from affuse.extract.audio.header_bounds import CHANNELS, RATES

HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
SAMPLE = np.dtype("<i2")
WIDTH = SAMPLE.itemsize
LARGEST = 2**30  # bytes of a file; larger sizes are often placeholders


@dataclass(frozen=True)
class PlainHeader:
    """Header of a plain WAV file."""

    frames: int
    rate: int  # Hz
    channels: int


def parse(head: bytes, size: int) -> PlainHeader | None:
    """Return the header of a plain WAV file, or None for all other files.

    Args:
        head: first bytes of the file
        size: of the whole file, in bytes
    """
    if len(head) < HEADER.size or not HEADER.size < size <= LARGEST:
        return None
    values = HEADER.unpack_from(head)
    rate, channels = values[7], values[6]
    step, content = WIDTH * channels, size - HEADER.size
    plain = (
        *(b"RIFF", size - 8, b"WAVE", b"fmt ", 16, 1, channels, rate),
        *(rate * step, step, 8 * WIDTH, b"data", content),
    )
    is_possible = 1 <= channels <= CHANNELS and RATES[0] <= rate <= RATES[1]
    if values != plain or not is_possible or content % step:
        return None
    return PlainHeader(content // step, rate, channels)


class PlainWave:
    """Plain WAV file with the interface of `soundfile.SoundFile`.

    Args:
        file: without a buffer, which is closed with this object
        header: of the file
    """

    subtype = "PCM_16"
    extra_info = ""  # libsndfile's log, which has nothing to say on such a file

    def __init__(self, file: RawIOBase, header: PlainHeader) -> None:
        self._file, self.frames = file, header.frames
        self.samplerate, self.channels = header.rate, header.channels
        self._left = 0  # frames from here to the end of the file
        self.seek(0)

    def seek(self, frame: int) -> None:
        """Go to a frame."""
        self._file.seek(HEADER.size + WIDTH * self.channels * frame)
        self._left = self.frames - frame

    def read(self, frames: int, **_: Any) -> np.ndarray:
        """Return (frames, channels) int16, fewer at the end of the file."""
        count = max(0, min(frames, self._left))
        content = bytearray(WIDTH * self.channels * count)
        filled = 0
        while more := self._file.readinto(memoryview(content)[filled:]):
            filled += more
        self._left -= count
        samples = np.frombuffer(content, SAMPLE).reshape(-1, self.channels)
        return samples[: filled // (WIDTH * self.channels)]  # if it became shorter

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def open_plain(path: Path) -> PlainWave | None:
    """Return a file if it is a plain WAV file, or None for all other files.

    Args:
        path: of a regular file

    Raises:
        OSError: if the file cannot be read
        UnicodeEncodeError: if its name is not valid UTF-8, as libsndfile requires
    """
    file = path.open("rb", buffering=0)
    try:
        header = parse(file.read(HEADER.size), os.fstat(file.fileno()).st_size)
        if header is not None:
            str(path).encode()
            return PlainWave(file, header)
    except BaseException:
        file.close()
        raise
    file.close()
    return None
