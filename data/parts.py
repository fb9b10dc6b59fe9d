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
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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


@dataclass(frozen=True)
class Header:
    """What a part says of itself, beside its rows."""

    recipe: Recipe
    parts: int  # of the whole cache, as planned
    rows: int  # utterances in this part
    versions: Mapping[str, str]  # of the packages that made it
    problems: tuple[Problem, ...]


def part_path(folder: Path, number: int) -> Path:
    """Where the part of that number is kept."""
    return folder / f"part-{number:05d}.h5"


def write(
    path: Path, part: Part, *, recipe: Recipe, parts: int, versions: Mapping[str, str]
) -> None:
    """Publish one part; equal arguments give equal bytes.

    Raises:
        ValueError: if a vector has another shape than the recipe says, is not finite
            or exceeds the storage type
        OSError: if it cannot be written; then nothing is published
    """
    texts = {
        "recipe": recipe.text(),
        "versions": json.dumps(dict(versions), sort_keys=True),
        "problems": json.dumps([asdict(p) for p in part.problems], sort_keys=True),
    }
    # strings of fixed length, unlike others, are covered by HDF5's own checksums
    attributes = {name: np.bytes_(text.encode()) for name, text in texts.items()}
    datasets = _datasets(part, recipe)
    _fit(datasets, recipe)
    image = _image(datasets, {"format": FORMAT, "parts": parts, **attributes})
    checksum = f"{hashlib.sha256(image).hexdigest()}  {path.name}\n"
    publish(path.with_name(f"{path.name}.sha256"), checksum.encode())
    publish(path, image)


def _datasets(part: Part, recipe: Recipe) -> dict[str, np.ndarray]:
    """The arrays of a part, in the order of the file."""
    found = {"ids": _strings(part.ids), "contents": _strings(part.contents)}
    if part.head is not None:
        found["head"] = part.head.astype(np.float32)
    with np.errstate(over="ignore"):  # what became infinite is refused
        if part.vectors and recipe.pooling == "frames":
            steps = [len(v) for v in part.vectors]
            found["offsets"] = np.cumsum([0, *steps], dtype=np.int64)
            found["values"] = np.concatenate(part.vectors).astype(recipe.storage)
        elif part.vectors:
            found["embeddings"] = np.stack(part.vectors).astype(recipe.storage)
    for name, values in found.items():
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise ValueError(
                f"{name} of utterances '{part.ids[0]}' to '{part.ids[-1]}' are not all "
                f"finite as {values.dtype}; try --dtype float32, or look at the weights"
            )
    return found


def _strings(texts: tuple[str, ...]) -> np.ndarray:
    """Texts as HDF5 strings of one length, marked as UTF-8 for other readers."""
    encoded = [text.encode() for text in texts]
    longest = max(map(len, encoded), default=1)
    return np.array(encoded, dtype=h5py.string_dtype("utf-8", longest))


def _fit(arrays: Mapping[str, np.ndarray], recipe: Recipe) -> None:
    """Refuse arrays that are missing, or whose shapes do not go together."""
    rows, layers = len(arrays["ids"]), len(recipe.layers)
    wanted: dict[str, tuple[int, ...]] = {"contents": (rows,)}
    if rows and recipe.head:
        wanted["head"] = (rows, len(recipe.head))
    if rows and recipe.pooling == "frames":
        wanted["offsets"] = (rows + 1,)
        steps = int(arrays["offsets"][-1])
        wanted["values"] = (steps, layers, arrays["values"].shape[-1])
    elif rows:
        wanted["embeddings"] = (rows, layers, arrays["embeddings"].shape[-1])
    for name, shape in wanted.items():
        if arrays[name].shape != shape:
            raise ValueError(
                f"{name} has shape {arrays[name].shape}, but its recipe and "
                f"{rows} ids ask for {shape}"
            )


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
    if sums.read_bytes()[:64] != hashlib.sha256(image).hexdigest().encode():
        raise ValueError(
            f"{path} is damaged: its SHA-256 is not the one in {sums.name}; delete "
            f"it and extract again"
        )
    return image


def header(path: Path) -> Header:
    """What a part says of itself, without reading its rows or its checksum.

    Raises:
        ValueError: naming the file, if it is damaged or no part of a cache
    """
    with _sentences(path), h5py.File(path, "r", locking=False) as file:
        return _header(file)


def read(
    path: Path, recipe: Recipe | None
) -> tuple[dict[str, np.ndarray], list[Problem]]:
    """The arrays and the problems of one part.

    Args:
        recipe: that it must have; None for any

    Raises:
        ValueError: if the part is damaged, or its recipe is another
    """
    image = check(path)
    with _sentences(path), h5py.File(h5py.h5f.open_file_image(image)) as file:
        head = _header(file)
        arrays = {name: _dataset(file, name)[:] for name in file}
        _fit(arrays, head.recipe)
    if difference := head.recipe.difference(recipe or head.recipe):
        raise ValueError(
            f"{path} was extracted with {difference} as wanted; extract again, or "
            f"name another cache"
        )
    return arrays, list(head.problems)


@contextmanager
def _sentences(path: Path) -> Iterator[None]:
    """Make one sentence of what is wrong in a file, whoever wrote it."""
    try:
        yield
    except Exception as error:  # h5py raises nearly every kind there is
        raise ValueError(
            f"{path} is damaged or no part of a cache ({error}); delete it and extract "
            f"again"
        ) from error


def _header(file: h5py.File) -> Header:
    """The attributes of an open part."""
    known = dict(file.attrs)
    if known["format"] != FORMAT:
        raise ValueError(f"its format is {known['format']}, not {FORMAT}")
    texts = {name: known[name].decode() for name in ("recipe", "versions", "problems")}
    return Header(
        recipe=Recipe.parse(texts["recipe"]),
        parts=int(known["parts"]),
        rows=len(_dataset(file, "ids")),
        versions=json.loads(texts["versions"]),
        problems=tuple(Problem(**p) for p in json.loads(texts["problems"])),
    )


def _dataset(file: h5py.File, name: str) -> h5py.Dataset:
    """Strings or numbers that lie in the file itself; no links, no objects."""
    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"'{name}' is missing, or a link")
    found = file[name]
    if found.is_virtual or found.external or found.dtype.kind not in "Sif":
        raise ValueError(f"'{name}' holds {found.dtype}, or what lies in another file")
    return found
