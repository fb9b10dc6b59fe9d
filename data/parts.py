"""One part of the embedding cache: an HDF5 file that appears whole or not at all.

A part is built in memory, written beside its name, synced and renamed; its SHA-256
stands beside it in ``part-00000.h5.sha256``, in the format of ``sha256sum --check``,
put there first. No published file is ever open for writing, so it does not matter how
HDF5 itself behaves when a process dies. Each part holds

=============== ========================= ============================================
``ids``         (n,) UTF-8                utterance ids
``contents``    (n,) 32 hex digits        digest of each utterance's input
``embeddings``  (n, layers, dim)          pooled vectors; or, for ``frames``,
``values``      (sum of steps, layers, dim) frames of all utterances, one after another,
``offsets``     (n + 1,)                  and where each utterance's begin
``head``        (n, ratings)              predictions of the checkpoint's own head, if
                                          kept
=============== ========================= ============================================

and the attributes ``format``, ``recipe``, ``parts`` (how many are planned),
``versions`` and ``problems`` (of the utterances that were left out or noted).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import h5py
import numpy as np

from data.files import publish
from data.recipe import Recipe
from data.utterance import Problem

FORMAT = 1  # of a part
CHUNK = 2**20  # bytes of a chunk, about; each carries a Fletcher checksum


@dataclass(frozen=True)
class Part:
    """What one part holds; rows are utterances."""

    ids: tuple[str, ...]
    contents: tuple[str, ...]
    vectors: tuple[np.ndarray, ...]  # (layers, dim), or (steps, layers, dim) each
    head: np.ndarray | None = None  # (n, ratings)
    problems: tuple[Problem, ...] = ()


def part_path(folder: Path, number: int) -> Path:
    """Where the part of that number is kept."""
    return folder / f"part-{number:05d}.h5"


def write(
    path: Path, part: Part, *, recipe: Recipe, parts: int, versions: Mapping[str, str]
) -> None:
    """Publish one part; equal arguments give equal bytes.

    Raises:
        ValueError: if a vector is not finite or exceeds the storage type
        OSError: if it cannot be written; then nothing is published
    """
    attributes = {
        "format": FORMAT,
        "recipe": recipe.text(),
        "parts": parts,
        "versions": json.dumps(dict(versions), sort_keys=True),
        "problems": json.dumps([asdict(p) for p in part.problems], sort_keys=True),
    }
    image = _image(_datasets(part, recipe), attributes)
    checksum = f"{hashlib.sha256(image).hexdigest()}  {path.name}\n"
    publish(path.with_name(f"{path.name}.sha256"), checksum.encode())
    publish(path, image)


def _datasets(part: Part, recipe: Recipe) -> dict[str, np.ndarray]:
    """The arrays of a part, in the order of the file."""
    found = {
        "ids": np.array([i.encode() for i in part.ids], dtype=np.bytes_),
        "contents": np.array([c.encode() for c in part.contents], dtype=np.bytes_),
    }
    if part.head is not None:
        found["head"] = part.head.astype(np.float32)
    if not part.vectors:
        return found
    if recipe.pooling == "frames":
        steps = [len(v) for v in part.vectors]
        found["offsets"] = np.concatenate([[0], np.cumsum(steps)]).astype(np.int64)
        found["values"] = np.concatenate(part.vectors).astype(recipe.storage)
    else:
        found["embeddings"] = np.stack(part.vectors).astype(recipe.storage)
    for name, values in found.items():
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise ValueError(
                f"{name} of utterances '{part.ids[0]}' to '{part.ids[-1]}' are not all "
                f"finite as {values.dtype}; try --dtype float32, or look at the weights"
            )
    return found


def _image(
    datasets: Mapping[str, np.ndarray], attributes: Mapping[str, object]
) -> bytes:
    """An HDF5 file as bytes, never on disk while it is being built."""
    with h5py.File(
        "part", "w", driver="core", backing_store=False, libver=("v110", "v110")
    ) as file:
        for name, value in attributes.items():
            file.attrs[name] = value
        for name, values in datasets.items():
            if not values.size:
                file.create_dataset(name, data=values)
                continue
            row = max(1, values.nbytes // len(values))
            rows = min(len(values), max(1, CHUNK // row))
            file.create_dataset(
                name, data=values, chunks=(rows, *values.shape[1:]), fletcher32=True
            )
        file.flush()
        return bytes(file.id.get_file_image())


def check(path: Path) -> bytes:
    """The bytes of a part, if they are the ones that were published.

    Raises:
        ValueError: naming the file and what is wrong with it
    """
    sums = path.with_name(f"{path.name}.sha256")
    if not sums.is_file():
        raise ValueError(f"{path} has no {sums.name} beside it; extract again")
    image = path.read_bytes()
    if hashlib.sha256(image).hexdigest() != sums.read_text().split(" ")[0]:
        raise ValueError(
            f"{path} is damaged: its SHA-256 is not the one in {sums.name}; delete "
            f"it and extract again"
        )
    return image


def _open(image: bytes, path: Path) -> h5py.File:
    """A part in memory, read-only; the file itself is not held open."""
    try:
        file = h5py.File(h5py.h5f.open_file_image(image))
    except (OSError, RuntimeError) as error:
        raise ValueError(f"{path} is not an HDF5 file: {error}") from error
    if file.attrs.get("format") != FORMAT:
        raise ValueError(f"{path} has format {file.attrs.get('format')}, not {FORMAT}")
    return file


def read(
    path: Path, recipe: Recipe | None
) -> tuple[dict[str, np.ndarray], list[Problem]]:
    """The arrays and the problems of one part.

    Args:
        recipe: that it must have; None for any

    Raises:
        ValueError: if the part is damaged, or its recipe is another
    """
    with _open(check(path), path) as file:
        found = Recipe.parse(file.attrs["recipe"])
        difference = found.difference(recipe or found)
        if difference:
            raise ValueError(
                f"{path} was extracted with {difference} as wanted; extract again, or "
                f"name another cache"
            )
        problems = [Problem(**p) for p in json.loads(file.attrs["problems"])]
        return {name: file[name][:] for name in file}, problems
