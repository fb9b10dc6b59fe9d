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

from data import guard
from data.arrays import KINDS, LARGE, Part, collect, fit
from data.errors import AffuseError
from data.files import publish
from data.recipe import Recipe
from data.utterance import Problem, printable

FORMAT = 1  # of a part
CHUNK = 2**20  # bytes of a chunk, about; each carries a Fletcher checksum
MOST = 100_000  # parts of a cache: their numbers have five digits


class Refused(AffuseError):
    """A file does not hold the bytes that were published under its name."""


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


def checksum_path(part: Path) -> Path:
    """Where its SHA-256 is kept."""
    return part.with_name(f"{part.name}.sha256")


def write(
    path: Path, part: Part, *, recipe: Recipe, parts: int, versions: Mapping[str, str]
) -> None:
    """Publish one part; equal arguments give equal bytes.

    Raises:
        AffuseError: if a vector has another shape than the recipe says, is not finite
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
    for name, text in texts.items():
        if len(text) > guard.TEXT:
            raise AffuseError(f"{name} of {path.name} exceed {guard.TEXT} bytes")
    datasets = collect(part, recipe)
    fit(datasets, recipe)
    image = _image(datasets, {"format": FORMAT, "parts": parts, **attributes})
    publish(checksum_path(path), _checksum(path, image))
    publish(path, image)


def _checksum(path: Path, image: bytes) -> bytes:
    """What stands beside a part."""
    return f"{hashlib.sha256(image).hexdigest()}  {path.name}\n".encode()


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
        Refused: naming the file and what is wrong with it
    """
    sums = checksum_path(path)
    if not sums.is_file():
        raise Refused(f"{path} has no {sums.name} beside it; extract again")
    _check_file(path)
    image = path.read_bytes()
    wanted = _checksum(path, image)
    with sums.open("rb") as file:
        found = file.read(len(wanted) + 1)
    if found != wanted:
        raise Refused(
            f"{path} is damaged: its SHA-256 is not the one in {sums.name}; delete "
            f"it and extract again"
        )
    return image


def _check_file(path: Path) -> None:
    """Refuse what is there but no file: reading a pipe would never end."""
    if path.exists() and not path.is_file():
        raise AffuseError(f"{path} is damaged or no part of a cache (it is no file)")


def header(path: Path) -> Header:
    """What a part says of itself, without reading its rows or its checksum.

    Raises:
        AffuseError: naming the file, if it is damaged or no part of a cache
    """
    _check_file(path)
    with _sentences(path), h5py.File(path, "r", locking=False) as file:
        return _header(file, guard.datasets(file, KINDS, path.stat().st_size))


def read(
    path: Path, recipe: Recipe | None
) -> tuple[dict[str, np.ndarray], list[Problem]]:
    """The arrays and the problems of one part.

    Args:
        recipe: that it must have; None for any

    Raises:
        AffuseError: if the part is damaged, or its recipe is another
    """
    head, arrays = parse(path, check(path))
    head.recipe.demand(recipe or head.recipe, path)
    return arrays, list(head.problems)


def whole(path: Path) -> Header:
    """What a part says of itself, once all of it has been checked.

    Raises:
        Refused: naming the file, if it is damaged
        AffuseError: naming the file, if it is as published, but cannot be read
    """
    return parse(path, check(path))[0]


def parse(path: Path, image: bytes) -> tuple[Header, dict[str, np.ndarray]]:
    """What the bytes of a part say and hold.

    Raises:
        AffuseError: naming the file, if this version cannot read it, or must not
    """
    with _sentences(path), h5py.File(h5py.h5f.open_file_image(image)) as file:
        found = guard.datasets(file, KINDS, len(image))
        head = _header(file, found)
        arrays = {name: dataset[:] for name, dataset in found.items()}
        fit(arrays, head.recipe)
    return head, arrays


def outline(path: Path, recipe: Recipe) -> tuple[dict[str, np.ndarray], int]:
    """The arrays of a part without its embeddings, and their features of a layer.

    Nothing is compared with the checksum, which would mean to read all of it.

    Raises:
        AffuseError: as `read`
    """
    _check_file(path)
    with _sentences(path), h5py.File(path, "r", locking=False) as file:
        found = guard.datasets(file, KINDS, path.stat().st_size)
        head = _header(file, found)
        large = {name: d for name, d in found.items() if name in LARGE}
        arrays = {name: d[:] for name, d in found.items() if name not in LARGE}
        fit({**arrays, **large}, head.recipe)
        dim = max((d.shape[-1] for d in large.values()), default=0)
    head.recipe.demand(recipe, path)
    return arrays, dim


@contextmanager
def _sentences(path: Path) -> Iterator[None]:
    """Make one sentence of what is wrong in a file, whoever wrote it."""
    try:
        yield
    except Exception as error:  # h5py raises nearly every kind there is
        raise AffuseError(
            f"{path} is damaged or no part of a cache ({printable(str(error))[:300]}); "
            f"delete it and extract again"
        ) from error


def _header(file: h5py.File, found: Mapping[str, h5py.Dataset]) -> Header:
    """The attributes of an open part."""
    if (version := guard.number(file, "format")) != FORMAT:
        raise AffuseError(f"its format is {version}, not {FORMAT}")
    if not 0 < (parts := guard.number(file, "parts")) <= MOST:
        raise AffuseError(f"a cache has 1 to {MOST} parts, not {parts}")
    if "ids" not in found:
        raise AffuseError("'ids' is missing, or a link")
    return Header(
        recipe=Recipe.parse(guard.text(file, "recipe")),
        parts=parts,
        rows=len(found["ids"]),
        versions=dict(json.loads(guard.text(file, "versions"))),
        problems=tuple(Problem(**p) for p in json.loads(guard.text(file, "problems"))),
    )
