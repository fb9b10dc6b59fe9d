"""Arrays of one part of a cache: built from its rows, and checked for consistency."""

from collections.abc import Mapping
from dataclasses import dataclass

import h5py
import numpy as np

from affuse.data.cache import recording_spans
from affuse.data.cache.recipe import Recipe
from affuse.data.cache.recording_spans import RecordingSpan
from affuse.data.errors import AffuseError
from affuse.data.records import Problem, check_id

KINDS = {  # NumPy kind of each array by name; a part has no other arrays
    "ids": "S",
    "contents": "S",
    "head": "f",
    "offsets": "i",
    "values": "f",
    "embeddings": "f",
    **recording_spans.KINDS,
}
LARGE = ("embeddings", "values")  # one of these has nearly all bytes of a part


@dataclass(frozen=True)
class Part:
    """Content of one part; its rows are utterances."""

    ids: tuple[str, ...]
    contents: tuple[str, ...]
    vectors: tuple[np.ndarray, ...]  # each (layers, dim) or (steps, layers, dim)
    head: np.ndarray | None = None  # (n, ratings)
    problems: tuple[Problem, ...] = ()
    stretches: tuple[RecordingSpan, ...] = ()  # of recordings; () for text


def collect(part: Part, recipe: Recipe) -> dict[str, np.ndarray]:
    """Return the arrays of a part, in the order of the file.

    Args:
        part: rows to store
        recipe: with the pooling and the storage dtype

    Raises:
        AffuseError: if a value is not finite in the storage dtype
    """
    arrays = {"ids": _strings(part.ids), "contents": _strings(part.contents)}
    if part.head is not None:
        arrays["head"] = part.head.astype(np.float32)
    if part.ids and part.stretches:
        arrays |= recording_spans.arrays(part.stretches)
    with np.errstate(over="ignore"):  # infinite values raise an error below
        if part.vectors and recipe.pooling == "frames":
            steps = [len(v) for v in part.vectors]
            arrays["offsets"] = np.cumsum([0, *steps], dtype=np.int64)
            arrays["values"] = np.concatenate(part.vectors).astype(recipe.storage)
        elif part.vectors:
            arrays["embeddings"] = np.stack(part.vectors).astype(recipe.storage)
    for name, values in arrays.items():
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise AffuseError(
                f"{name} of utterances '{part.ids[0]}' to '{part.ids[-1]}' are not all "
                f"finite as {values.dtype}; {advice(recipe)}"
            )
    return arrays


def advice(recipe: Recipe) -> str:
    """Return the advice for embeddings that are not finite.

    Args:
        recipe: of the embeddings

    Returns:
        options of extract, unless computation and storage are in float32 already; other
        commands do not have these options
    """
    check = "check the input and the weights"
    if recipe.dtype != "float32":
        return f"for extract, try --dtype float32; else {check}"
    if recipe.storage != "float32":
        return f"for extract, try --pooling mean, stored in float32; else {check}"
    return check


def _strings(texts: tuple[str, ...]) -> np.ndarray:
    """Return texts as HDF5 strings of one length, marked as UTF-8."""
    encoded = [text.encode() for text in texts]
    longest = max(map(len, encoded), default=1)
    return np.array(encoded, dtype=h5py.string_dtype("utf-8", longest))


def check_arrays(arrays: Mapping[str, np.ndarray], recipe: Recipe) -> None:
    """Check that the arrays of a part are complete and consistent.

    Args:
        arrays: by name; those in `LARGE` need only a shape and a dtype
        recipe: of the part

    Raises:
        AffuseError: if an array is missing or its shape or dtype does not match the
            recipe, or if an id is invalid; the message names it
    """
    shapes = _shapes(arrays, recipe)
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise AffuseError(
                f"{name} has shape {arrays[name].shape}, but its recipe and "
                f"{_rows(arrays)} ids ask for {shape}"
            )
        if name in LARGE and arrays[name].dtype != recipe.storage:
            raise AffuseError(
                f"{name} are {arrays[name].dtype}, but its recipe says {recipe.storage}"
            )
    if "offsets" in shapes:
        _check_offsets(arrays["offsets"])
    if "spans" in shapes:
        recording_spans.check(arrays["spans"])
    for name in arrays["ids"]:
        check_id(_text(name))
    for name in ("contents", "files", "samples"):
        for content in arrays.get(name, ()):
            _text(content)


def _shapes(
    arrays: Mapping[str, np.ndarray], recipe: Recipe
) -> dict[str, tuple[int, ...]]:
    """Return the shape that each array of a part must have, by name."""
    rows, layers = _rows(arrays), len(recipe.layers)
    expected: dict[str, tuple[int, ...]] = {"ids": (rows,), "contents": (rows,)}
    expected |= recording_spans.shapes(arrays, rows)
    if rows and recipe.head:
        expected["head"] = (rows, len(recipe.head))
    if rows and recipe.pooling == "frames":
        expected["offsets"] = (rows + 1,)
        offsets = _present(arrays, "offsets")
        steps = int(offsets[-1]) if offsets.shape == (rows + 1,) else 0
        expected["values"] = (steps, layers, _present(arrays, "values").shape[-1])
    elif rows:
        dim = _present(arrays, "embeddings").shape[-1]
        expected["embeddings"] = (rows, layers, dim)
    for name in expected:
        _present(arrays, name)
    return expected


def _rows(arrays: Mapping[str, np.ndarray]) -> int:
    return len(_present(arrays, "ids"))


def _present(arrays: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """Return the array of a part with this name.

    Raises:
        AffuseError: if there is no such array, or it is a scalar
    """
    if name not in arrays or not arrays[name].shape:
        raise AffuseError(f"'{name}' is missing")
    return arrays[name]


def _check_offsets(offsets: np.ndarray) -> None:
    """Raise an error if the offsets of frames do not start at 0 or decrease."""
    if offsets[0] != 0 or (np.diff(offsets) < 0).any():
        raise AffuseError("its offsets do not start at 0 and rise")


def _text(stored: bytes) -> str:
    """Return a stored string as text, such as an id or a digest."""
    try:
        return stored.decode()
    except UnicodeDecodeError as error:
        raise AffuseError(f"{stored[:40]!r} is no text in UTF-8") from error
