"""Rows that are copied and computed on in pieces, however many there are.

What lies in scratch files is tensors like any other, but to copy all of it would take
the memory that there is not.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from affuse.data.cache.store import Embeddings
from affuse.data.system import scratch_arrays

MOST = 8192  # rows of a piece
BYTES = 16 << 20  # of a piece, unless one row has more
CACHED = 1 << 20  # bytes of a piece that is passed over several times
DOUBLE = 8  # bytes
HELD = 32 << 20  # bytes of rows that are copied into memory in any case


def spans(rows: int, size: int, limit: int = BYTES) -> Iterator[slice]:
    """Consecutive pieces of some rows of `size` bytes each.

    Args:
        limit: bytes of a piece; `CACHED` where little is computed on much

    Examples:
        >>> list(spans(5, BYTES // 2))
        [slice(0, 2, None), slice(2, 4, None), slice(4, 6, None)]
    """
    step = max(1, min(MOST, limit // max(1, size)))
    return (slice(begin, begin + step) for begin in range(0, rows, step))


def pooled(cache: Embeddings, rows: np.ndarray) -> np.ndarray:
    """Layers side by side; of frames, the mean over time.

    Args:
        cache: embeddings, in memory or still in their parts
        rows: (n,) their numbers, in any order

    Returns:
        (n, layers * dim), float32; in a scratch file if the cache asks for it
    """
    width = int(np.prod(cache.values.shape[1:]))
    made = _blank((len(rows), width), cache.scratch)
    for first, piece in cache.pieces(rows):
        places = np.flatnonzero((rows >= first) & (rows < first + len(piece.ids)))
        for span in spans(len(places), 4 * width):
            part = places[span]
            if piece.offsets is None:
                found = piece.values[rows[part] - first]
                made[part] = found.reshape(len(part), -1)
                continue
            for place in part:
                frames = piece.vector(rows[place] - first)  # (steps, layers, dim)
                made[place] = frames.mean(axis=0, dtype=np.float64).ravel()
    return made


def choose(values: np.ndarray, rows: np.ndarray, folder: Path | None) -> np.ndarray:
    """A copy of some rows, in a scratch file if there is a folder and they are many.

    Args:
        values: (n, dim)
        rows: their numbers, in any order
        folder: of scratch files
    """
    size = values.itemsize * values.shape[1]
    if folder is None or len(rows) * size <= HELD:
        return np.asarray(values[rows])
    made = _blank((len(rows), values.shape[1]), folder)
    for span in spans(len(rows), size):
        made[span] = values[rows[span]]
    return made


def _blank(shape: tuple[int, ...], folder: Path | None) -> np.ndarray:
    return (
        scratch_arrays.blank(shape, folder) if folder else np.empty(shape, np.float32)
    )


def take(values: Tensor, rows: Tensor) -> Tensor:
    """(rows, dim), (...) row numbers -> (..., dim), where the numbers are.

    What is too large for a GPU may stay where it is: only what is taken is moved.
    """
    flat = values.index_select(0, rows.flatten().to(values.device))
    return flat.to(rows.device).view(*rows.shape, -1)


@torch.inference_mode()
def through(
    function: Callable[[Mapping[str, Tensor]], Tensor],
    features: Mapping[str, Tensor],
    rows: Tensor,
) -> Tensor:
    """What a function of each row alone says of some rows, piece by piece.

    Args:
        function: of ({name: (batch, dim)}), such as a model in evaluation mode
        features: {name: (rows, dim)}
        rows: (n,) numbers of those that are wanted, on the device of the function

    Returns:
        (n, ...)
    """
    size = sum(4 * x.shape[1] for x in features.values())
    return torch.cat(
        [
            function({name: take(x, rows[span]) for name, x in features.items()})
            for span in spans(len(rows), size)
        ]
    )
