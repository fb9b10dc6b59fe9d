"""Principal axes of standardised rows, computed in chunks if there are many rows.

Few rows are passed to scikit-learn. For many rows, X'X is summed over chunks, which is
exact. If X'X would be too wide, X'X Q is summed for a few random directions Q, in
several power iterations (Halko, Martinsson and Tropp, 2011, SIAM Review 53:217). The
choice depends on the sizes only and not on the memory, so results are reproducible.
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from affuse.fuse.inputs.chunks import DOUBLE

Pieces = Callable[[], Iterator[Tensor]]  # (rows of a chunk, dim), in order
Axes = tuple[np.ndarray, np.ndarray]  # directions (dim, components), variances

FEW_ROWS_BYTES = 128 << 20  # largest size of float64 rows that are in memory together
WIDE = 4096  # largest number of features whose X'X is in memory
EXTRA_DIRECTIONS = 10  # random directions in addition to the components
POWER_ITERATIONS = 7  # power iterations; each reads all rows


def rotation(pieces: Pieces, rows: int, dim: int, components: int) -> np.ndarray:
    """Return principal directions, scaled to a mean variance of 1.

    One factor scales all components, so that their relative variances do not change.
    Whitening would raise the noise of the last components to the level of the first.
    The largest weight of each component is positive, because its sign is arbitrary.

    Args:
        pieces: chunks of (rows, dim), float64, of mean 0
        rows: number of rows
        dim: number of features
        components: at most the smaller of `rows` and `dim`

    Returns:
        (dim, components), float64
    """
    if DOUBLE * rows * dim <= FEW_ROWS_BYTES:
        directions, variances = _axes_by_scikit_learn(pieces, components)
    elif dim <= WIDE:
        directions, variances = _axes_by_covariance(pieces, rows, dim, components)
    else:
        directions, variances = _axes_by_power_iterations(pieces, rows, dim, components)
    variance = float(variances.mean())
    return np.asarray(directions / np.sqrt(variance if variance > 0 else 1.0))


def _axes_by_scikit_learn(pieces: Pieces, components: int) -> Axes:
    """Return the principal axes by scikit-learn, with all rows in memory."""
    from sklearn.decomposition import PCA

    x = torch.cat(list(pieces())).cpu().numpy()
    pca = PCA(components, random_state=0).fit(x)
    # Versions of scikit-learn differ in the signs.
    return _fix_signs(pca.components_.T), pca.explained_variance_


def _axes_by_covariance(pieces: Pieces, rows: int, dim: int, components: int) -> Axes:
    """Return the principal axes from the covariance, summed over chunks."""
    from scipy.linalg import eigh

    covariance = total(x.T @ x for x in pieces()).cpu().numpy() / (rows - 1)
    values, vectors = eigh(covariance, subset_by_index=[dim - components, dim - 1])
    return _fix_signs(vectors[:, ::-1]), values[::-1].clip(min=0)


def _axes_by_power_iterations(
    pieces: Pieces, rows: int, dim: int, components: int
) -> Axes:
    """Return approximate principal axes by randomised power iterations."""
    size = min(components + EXTRA_DIRECTIONS, rows, dim)
    rng = np.random.default_rng(0)
    q, _ = np.linalg.qr(rng.standard_normal((dim, size)))
    for _ in range(POWER_ITERATIONS):
        q, _ = np.linalg.qr(total(_covariance_products(pieces, q)).cpu().numpy())
    projected = q.T @ total(_covariance_products(pieces, q)).cpu().numpy() / (rows - 1)
    values, vectors = np.linalg.eigh((projected + projected.T) / 2)
    order = slice(-1, -components - 1, -1)
    return _fix_signs(q @ vectors[:, order]), values[order].clip(min=0)


def _covariance_products(pieces: Pieces, q: np.ndarray) -> Iterator[Tensor]:
    """Yield X'X Q of each chunk: (dim, columns of q)."""
    for x in pieces():
        yield x.T @ (x @ torch.from_numpy(q).to(x.device))


def _fix_signs(directions: np.ndarray) -> np.ndarray:
    """Return directions whose largest weight is positive, as in scikit-learn."""
    largest = np.abs(directions).argmax(axis=0)
    signs = np.sign(directions[largest, np.arange(directions.shape[1])])
    return np.asarray(directions * signs)


def total(pieces: Iterator[Tensor]) -> Tensor:
    """Return the sum of tensors.

    Args:
        pieces: at least one tensor, all of the same shape
    """
    result = next(pieces).clone()
    for piece in pieces:
        result += piece
    return result
