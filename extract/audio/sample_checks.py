"""Checks of decoded samples: as many as the header promises, all of them finite."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from affuse.extract.audio.data_size import UNTOLD
from affuse.extract.audio.header_bounds import CUT_OFF
from affuse.extract.audio.refusal import Unusable

DECODED = 2**18  # frames decoded at a time, before they are mixed down
SHORT = re.compile(  # in the log of libsndfile, by format: WAV, AIFF, AU, Wave64
    r"^\s*(?:data|SSND|Data Size|riff)\s*: (\d+) \(should be \d+\)", re.MULTILINE
)


def checked(
    file: Any, frames: int, *, to_end: bool, cut_off: bool
) -> Iterator[np.ndarray]:
    """Yield blocks of the mean of all channels, (n,) float32 each.

    Raises:
        Unusable: after the last, if there are fewer frames, or some are no numbers
    """
    finite = True
    for block in _mixed(file, frames):
        finite = finite and bool(np.isfinite(block).all())
        frames -= len(block)
        yield block
    if frames or (to_end and (cut_off or is_cut_off(file.extra_info))):
        raise Unusable(CUT_OFF)
    if not finite:
        raise Unusable("holds NaN or infinite samples")


def is_cut_off(log: str) -> bool:
    """Return True if libsndfile's log says that there is less data than declared."""
    return any(int(declared) < UNTOLD for declared in SHORT.findall(log))


def _mixed(file: Any, frames: int) -> Iterator[np.ndarray]:
    """The mean of all channels, block by block; less where the file ends before.

    `SoundFile.blocks` would pass what was in memory before for samples that the file
    does not have.
    """
    while frames > 0:
        block = file.read(min(frames, DECODED), dtype="float32", always_2d=True)
        if not len(block):
            break
        frames -= len(block)
        yield block[:, 0] if file.channels == 1 else block.mean(axis=1)
