"""Principal axes of standardised rows, however many rows there are.

Few rows go to scikit-learn. Of many, either X'X is added up piece by piece, which is
exact, or, where that would be too wide, X'X Q for a few random directions Q, as often
as makes them the first axes (Halko, Martinsson and Tropp, 2011, SIAM Review 53:217).
Which way depends on the sizes alone and not on the memory, so that results do not.
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from affuse.fuse.inputs.chunks import DOUBLE

Pieces = Callable[[], Iterator[Tensor]]  # (rows of a piece, dim), from the first on
Found = tuple[np.ndarray, np.ndarray]  # directions (dim, components), variances

FEW = 128 << 20  # bytes of float64 rows that are held together
WIDE = 4096  # features whose products with one another are held
MORE = 10  # random directions beyond those that are wanted
TIMES = 7  # that they are multiplied; each reads all rows


def rotation(pieces: Pieces, rows: int, dim: int, components: int) -> np.ndarray:
    """Principal directions (dim, components), scaled to a mean variance of 1.

    One factor for all components: their relative size is kept, for whitening would
    raise the noise of the last ones to the height of the first. The largest weight of
    each is positive, for both signs are as good.

    Args:
        pieces: of (rows, dim), float64, of mean 0
        rows: how many
        dim: features
        components: at most the lower of both
    """
    if DOUBLE * rows * dim <= FEW:
        directions, variances = _few(pieces, components)
    elif dim <= WIDE:
        directions, variances = _narrow(pieces, rows, dim, components)
    else:
        directions, variances = _wide(pieces, rows, dim, components)
    variance = float(variances.mean())
    return np.asarray(directions / np.sqrt(variance if variance > 0 else 1.0))


def _few(pieces: Pieces, components: int) -> Found:
    from sklearn.decomposition import PCA

    x = torch.cat(list(pieces())).cpu().numpy()
    pca = PCA(components, random_state=0).fit(x)
    return pca.components_.T, pca.explained_variance_


def _narrow(pieces: Pieces, rows: int, dim: int, components: int) -> Found:
    from scipy.linalg import eigh

    covariance = total(x.T @ x for x in pieces()).cpu().numpy() / (rows - 1)
    values, vectors = eigh(covariance, subset_by_index=[dim - components, dim - 1])
    return _signed(vectors[:, ::-1]), values[::-1].clip(min=0)


def _wide(pieces: Pieces, rows: int, dim: int, components: int) -> Found:
    size = min(components + MORE, rows, dim)
    rng = np.random.default_rng(0)
    q, _ = np.linalg.qr(rng.standard_normal((dim, size)))
    for _ in range(TIMES):
        q, _ = np.linalg.qr(total(_applied(pieces, q)).cpu().numpy())
    seen = q.T @ total(_applied(pieces, q)).cpu().numpy() / (rows - 1)
    values, vectors = np.linalg.eigh((seen + seen.T) / 2)
    order = slice(-1, -components - 1, -1)
    return _signed(q @ vectors[:, order]), values[order].clip(min=0)


def _applied(pieces: Pieces, q: np.ndarray) -> Iterator[Tensor]:
    """X'X Q of each piece: (dim, columns of q)."""
    for x in pieces():
        yield x.T @ (x @ torch.from_numpy(q).to(x.device))


def _signed(directions: np.ndarray) -> np.ndarray:
    """With the largest weight of each column above 0, as scikit-learn has it."""
    largest = np.abs(directions).argmax(axis=0)
    signs = np.sign(directions[largest, np.arange(directions.shape[1])])
    return np.asarray(directions * signs)


def total(pieces: Iterator[Tensor]) -> Tensor:
    """The sum of some tensors, of which there is at least one."""
    found = next(pieces).clone()
    for piece in pieces:
        found += piece
    return found
