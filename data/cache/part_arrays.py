"""The arrays of one part of the cache: made of its rows, and checked together."""

from collections.abc import Mapping
from dataclasses import dataclass

import h5py
import numpy as np

from affuse.data.cache import recording_spans
from affuse.data.cache.recipe import Recipe
from affuse.data.cache.recording_spans import Stretch
from affuse.data.errors import AffuseError
from affuse.data.records import Problem, check_id

KINDS = {  # of numpy, by name; a part has no others
    "ids": "S",
    "contents": "S",
    "head": "f",
    "offsets": "i",
    "values": "f",
    "embeddings": "f",
    **recording_spans.KINDS,
}
LARGE = ("embeddings", "values")  # one of them is nearly all of a part


@dataclass(frozen=True)
class Part:
    """What one part holds; rows are utterances."""

    ids: tuple[str, ...]
    contents: tuple[str, ...]
    vectors: tuple[np.ndarray, ...]  # (layers, dim), or (steps, layers, dim) each
    head: np.ndarray | None = None  # (n, ratings)
    problems: tuple[Problem, ...] = ()
    stretches: tuple[Stretch, ...] = ()  # of recordings; () for text


def collect(part: Part, recipe: Recipe) -> dict[str, np.ndarray]:
    """Return the arrays of a part, in the order of the file."""
    found = {"ids": _strings(part.ids), "contents": _strings(part.contents)}
    if part.head is not None:
        found["head"] = part.head.astype(np.float32)
    if part.ids and part.stretches:
        found |= recording_spans.arrays(part.stretches)
    with np.errstate(over="ignore"):  # what became infinite is refused
        if part.vectors and recipe.pooling == "frames":
            steps = [len(v) for v in part.vectors]
            found["offsets"] = np.cumsum([0, *steps], dtype=np.int64)
            found["values"] = np.concatenate(part.vectors).astype(recipe.storage)
        elif part.vectors:
            found["embeddings"] = np.stack(part.vectors).astype(recipe.storage)
    for name, values in found.items():
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise AffuseError(
                f"{name} of utterances '{part.ids[0]}' to '{part.ids[-1]}' are not all "
                f"finite as {values.dtype}; {advice(recipe)}"
            )
    return found


def advice(recipe: Recipe) -> str:
    """Say what can make embeddings finite that are not, by how they were made.

    Returns:
        other options of extract, unless arithmetic and storage are in float32 already;
        other commands have no such options
    """
    looked = "look at the input and at the weights"
    if recipe.dtype != "float32":
        return f"for extract, try --dtype float32; else {looked}"
    if recipe.storage != "float32":
        return f"for extract, try --pooling mean, kept in float32; else {looked}"
    return looked


def _strings(texts: tuple[str, ...]) -> np.ndarray:
    """Texts as HDF5 strings of one length, marked as UTF-8 for other readers."""
    encoded = [text.encode() for text in texts]
    longest = max(map(len, encoded), default=1)
    return np.array(encoded, dtype=h5py.string_dtype("utf-8", longest))


def fit(arrays: Mapping[str, np.ndarray], recipe: Recipe) -> None:
    """Check that the arrays of a part are there and go together.

    Args:
        arrays: by name; of those in `LARGE`, shape and dtype suffice

    Raises:
        AffuseError: naming the array that is missing or has another shape or dtype than
            the recipe says, or an id that is none
    """
    wanted = _shapes(arrays, recipe)
    for name, shape in wanted.items():
        if arrays[name].shape != shape:
            raise AffuseError(
                f"{name} has shape {arrays[name].shape}, but its recipe and "
                f"{_rows(arrays)} ids ask for {shape}"
            )
        if name in LARGE and arrays[name].dtype != recipe.storage:
            raise AffuseError(
                f"{name} are {arrays[name].dtype}, but its recipe says {recipe.storage}"
            )
    if "offsets" in wanted:
        _check_offsets(arrays["offsets"])
    if "spans" in wanted:
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
    wanted: dict[str, tuple[int, ...]] = {"ids": (rows,), "contents": (rows,)}
    wanted |= recording_spans.shapes(arrays, rows)
    if rows and recipe.head:
        wanted["head"] = (rows, len(recipe.head))
    if rows and recipe.pooling == "frames":
        wanted["offsets"] = (rows + 1,)
        offsets = _present(arrays, "offsets")
        steps = int(offsets[-1]) if offsets.shape == (rows + 1,) else 0
        wanted["values"] = (steps, layers, _present(arrays, "values").shape[-1])
    elif rows:
        dim = _present(arrays, "embeddings").shape[-1]
        wanted["embeddings"] = (rows, layers, dim)
    for name in wanted:
        _present(arrays, name)
    return wanted


def _rows(arrays: Mapping[str, np.ndarray]) -> int:
    return len(_present(arrays, "ids"))


def _present(arrays: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """Return the array of a part that has this name.

    Raises:
        AffuseError: if there is none, or it is no array but a single value
    """
    if name not in arrays or not arrays[name].shape:
        raise AffuseError(f"'{name}' is missing")
    return arrays[name]


def _check_offsets(offsets: np.ndarray) -> None:
    """Refuse offsets of frames that do not start at 0 and rise."""
    if offsets[0] != 0 or (np.diff(offsets) < 0).any():
        raise AffuseError("its offsets do not start at 0 and rise")


def _text(stored: bytes) -> str:
    """Return what stands for one utterance in ``ids`` or ``contents``."""
    try:
        return stored.decode()
    except UnicodeDecodeError as error:
        raise AffuseError(f"{stored[:40]!r} is no text in UTF-8") from error
