"""Copies of rows and computations on rows in chunks of limited size.

Arrays in scratch files become ordinary tensors, but a copy of all their rows may not
fit into memory.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from affuse.data.cache.store import Embeddings
from affuse.data.system import scratch_arrays

MOST = 8192  # largest number of rows in a chunk
BYTES = 16 << 20  # of a chunk, unless one row is larger
CACHED = 1 << 20  # bytes of a chunk that is read several times
DOUBLE = 8  # bytes of a float64
HELD = 32 << 20  # bytes of a copy that is always held in memory


def spans(rows: int, size: int, limit: int = BYTES) -> Iterator[slice]:
    """Return consecutive chunks of rows.

    Args:
        rows: number of rows
        size: bytes of a row
        limit: bytes of a chunk; `CACHED` for cheap functions of large inputs

    Examples:
        >>> list(spans(5, BYTES // 2))
        [slice(0, 2, None), slice(2, 4, None), slice(4, 6, None)]
    """
    step = max(1, min(MOST, limit // max(1, size)))
    return (slice(begin, begin + step) for begin in range(0, rows, step))


def pooled(cache: Embeddings, rows: np.ndarray) -> np.ndarray:
    """Return rows with concatenated layers, and frames averaged over time.

    Args:
        cache: embeddings, in memory or on disk in parts
        rows: (n,) indices, in any order

    Returns:
        (n, layers * dim), float32; in a scratch file if the cache asks for it
    """
    width = int(np.prod(cache.values.shape[1:]))
    result = _blank((len(rows), width), cache.scratch)
    for first, piece in cache.chunks(rows):
        indices = np.flatnonzero((rows >= first) & (rows < first + len(piece.ids)))
        for span in spans(len(indices), 4 * width):
            part = indices[span]
            if piece.offsets is None:
                values = piece.values[rows[part] - first]
                result[part] = values.reshape(len(part), -1)
                continue
            for index in part:
                frames = piece.vector(rows[index] - first)  # (steps, layers, dim)
                result[index] = frames.mean(axis=0, dtype=np.float64).ravel()
    return result


def choose(values: np.ndarray, rows: np.ndarray, folder: Path | None) -> np.ndarray:
    """Return a copy of rows, in a scratch file if there is a folder and it is large.

    Args:
        values: (n, dim)
        rows: indices, in any order
        folder: of scratch files; None for a copy in memory
    """
    size = values.itemsize * values.shape[1]
    if folder is None or len(rows) * size <= HELD:
        return np.asarray(values[rows])
    result = _blank((len(rows), values.shape[1]), folder)
    for span in spans(len(rows), size):
        result[span] = values[rows[span]]
    return result


def _blank(shape: tuple[int, ...], folder: Path | None) -> np.ndarray:
    """Return a float32 array, in a scratch file if there is a folder."""
    return (
        scratch_arrays.map_zeros(shape, folder)
        if folder
        else np.empty(shape, np.float32)
    )


def take(values: Tensor, rows: Tensor) -> Tensor:
    """Return rows on the device of their indices.

    Only the selected rows are moved, so arrays that are too large for a GPU may stay
    on the CPU.

    Args:
        values: (n, dim)
        rows: (...) indices

    Returns:
        (..., dim)
    """
    flat = values.index_select(0, rows.flatten().to(values.device))
    return flat.to(rows.device).view(*rows.shape, -1)


@torch.inference_mode()
def through(
    function: Callable[[Mapping[str, Tensor]], Tensor],
    features: Mapping[str, Tensor],
    rows: Tensor,
) -> Tensor:
    """Return a function of rows, computed in chunks.

    Args:
        function: maps {name: (batch, dim)} to (batch, ...) row by row, such as a model
            in evaluation mode
        features: {name: (rows, dim)}
        rows: (n,) indices, on the device of the function

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
