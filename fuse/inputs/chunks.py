"""Copies and functions of the rows of embeddings, computed in chunks of limited size.

Embeddings may be memory-mapped scratch files that are larger than the memory. So rows
are read one chunk at a time.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from affuse.data.cache.store import Embeddings
from affuse.data.system import scratch_arrays

MOST_ROWS = 8192  # largest number of rows in a chunk
CHUNK_BYTES = 16 << 20  # largest size of a chunk, unless one row is larger
CACHE_CHUNK_BYTES = 1 << 20  # largest chunk that should stay in the CPU's cache
DOUBLE = 8  # bytes of a float64
MEMORY_COPY_BYTES = 32 << 20  # copies up to this size are always in memory


def spans(rows: int, size: int, limit: int = CHUNK_BYTES) -> Iterator[slice]:
    """Return consecutive chunks of rows.

    Args:
        rows: number of rows
        size: size of a row in bytes
        limit: largest size of a chunk in bytes; `CACHE_CHUNK_BYTES` for cheap functions
            of large inputs

    Examples:
        >>> list(spans(5, CHUNK_BYTES // 2))
        [slice(0, 2, None), slice(2, 4, None), slice(4, 6, None)]
    """
    step = max(1, min(MOST_ROWS, limit // max(1, size)))
    return (slice(begin, begin + step) for begin in range(0, rows, step))


def pool_rows(cache: Embeddings, rows: np.ndarray) -> np.ndarray:
    """Return the embeddings of rows, with layers concatenated and frames averaged.

    Args:
        cache: embeddings, in memory or on disk in parts
        rows: (n,) indices, in any order

    Returns:
        (n, layers * dim), float32; in a scratch file if the cache has a folder for it
    """
    result = _blank((len(rows), cache.width), cache.scratch)
    for columns, encoder, chosen in cache.columns(rows):
        _fill(result[:, columns], encoder, chosen)
    return result


def _fill(result: np.ndarray, cache: Embeddings, rows: np.ndarray) -> None:
    """Write the pooled rows of one encoder into a view of the result."""
    for first, piece in cache.chunks(rows):
        indices = np.flatnonzero((rows >= first) & (rows < first + len(piece.ids)))
        for span in spans(len(indices), 4 * cache.width):
            part = indices[span]
            if piece.offsets is None:
                values = piece.values[rows[part] - first]
                result[part] = values.reshape(len(part), -1)
                continue
            for index in part:
                frames = piece.vector(rows[index] - first)  # (steps, layers, dim)
                result[index] = frames.mean(axis=0, dtype=np.float64).ravel()


def copy_rows(values: np.ndarray, rows: np.ndarray, folder: Path | None) -> np.ndarray:
    """Return a copy of rows; a large copy is in a scratch file if a folder is named.

    Args:
        values: (n, dim)
        rows: indices, in any order
        folder: folder of scratch files; None for a copy in memory
    """
    size = values.itemsize * values.shape[1]
    if folder is None or len(rows) * size <= MEMORY_COPY_BYTES:
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
def apply_in_chunks(
    function: Callable[[Mapping[str, Tensor]], Tensor],
    features: Mapping[str, Tensor],
    rows: Tensor,
) -> Tensor:
    """Return the outputs of a function for rows, computed in chunks.

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
