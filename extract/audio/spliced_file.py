"""Corrected view of an audio file, with bytes replaced, added or left out.

Nothing is written to disk; libsndfile reads the view as if it were a file.
"""

import os
from collections.abc import Sequence
from pathlib import Path

Piece = bytes | range  # bytes to insert, or positions of bytes in the file


class SplicedFile:
    """Read-only binary file made of pieces, as input for `soundfile.SoundFile`.

    Args:
        path: of the file that the ranges point into
        pieces: in the order in which they are read
    """

    def __init__(self, path: Path, pieces: Sequence[Piece]) -> None:
        self._file = path.open("rb")
        self._pieces = [piece for piece in pieces if len(piece)]
        self._size = sum(map(len, self._pieces))
        self._at = 0

    def close(self) -> None:
        """Close the underlying file."""
        self._file.close()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position and return it.

        Args:
            offset: relative to `whence`
            whence: os.SEEK_SET, os.SEEK_CUR or os.SEEK_END
        """
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}
        self._at = max(0, origin[whence] + offset)
        return self._at

    def tell(self) -> int:
        """Return the position of the next byte."""
        return self._at

    def read(self, count: int = -1) -> bytes:
        """Return the next `count` bytes, fewer at the end; the rest if negative."""
        stop = self._size if count < 0 else min(self._size, self._at + count)
        pieces, begin = [], 0
        for piece in self._pieces:
            low, high = max(self._at - begin, 0), min(stop - begin, len(piece))
            if low < high:
                pieces.append(self._bytes(piece[low:high]))
            begin += len(piece)
        content = b"".join(pieces)
        self._at += len(content)
        return content

    def _bytes(self, piece: Piece) -> bytes:
        if isinstance(piece, bytes):
            return piece
        self._file.seek(piece.start)
        return self._file.read(len(piece))
