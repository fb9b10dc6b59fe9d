"""One part of the embedding cache: an HDF5 file that appears whole or not at all.

A part is built in memory, read back and compared, written beside its name, synced and
renamed; its SHA-256 stands beside it in ``part-00000.h5.sha256``, in the format of
``sha256sum --check``, put there first. No published file is ever open for writing, so
it does not matter how HDF5 itself behaves when a process dies. Each part holds

=============== ========================= ============================================
``ids``         (n,) UTF-8                utterance ids
``contents``    (n,) 32 hex digits        digest of each utterance's input
``embeddings``  (n, layers, dim)          pooled vectors; or, for ``frames``,
``values``      (sum of steps, layers, dim) frames of all utterances, one after another,
``offsets``     (n + 1,)                  and where each utterance's begin
``head``        (n, ratings)              predictions of the checkpoint's own head, if
                                          kept
``files``       (n,) 32 hex digits        digest of each recording's file; of audio, as
``spans``       (n, 2)                    are its span in seconds, and
``samples``     (n,) 32 hex digits        the digest of its decoded samples, "silent",
                                          or "" if it is not known
=============== ========================= ============================================

and the attributes ``format``, ``recipe``, ``parts`` (how many are planned),
``versions`` and ``problems`` (of the utterances that were left out or noted).
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from affuse.data.cache import checksums, hdf5_guard
from affuse.data.cache.cache_folder import part_path
from affuse.data.cache.hdf5_superblock import sealed
from affuse.data.cache.part_arrays import KINDS, LARGE, Part, collect, fit
from affuse.data.cache.part_header import (
    MOST,
    Header,
    difference,
    header_attributes,
    parse_header,
)
from affuse.data.cache.recipe import Recipe
from affuse.data.errors import AffuseError, MemoryShortageError
from affuse.data.records import Problem
from affuse.data.system.atomic_files import publish

__all__ = [
    "MOST", "Header", "Part", "header", "outline", "parse", "part_path", "read",
    "whole", "write"]  # fmt: skip
CHUNK = 2**20  # bytes of a chunk, about; each carries a Fletcher checksum
COPIES = 3  # of a part in memory while it is built and compared, beside its rows


def write(
    path: Path, part: Part, *, recipe: Recipe, parts: int, versions: Mapping[str, str]
) -> None:
    """Publish one part, once its bytes have been read back and compared.

    Equal arguments give equal bytes, as long as HDF5 is the same.

    Raises:
        AffuseError: if a vector has another shape than the recipe says, is not finite
            or exceeds the storage type, or if this h5py builds what cannot be read
        MemoryShortageError: if there is too little memory to build and compare it
        OSError: if it cannot be written; then nothing is published
    """
    head = Header(recipe, parts, len(part.ids), dict(versions), part.problems)
    with _building(path):
        arrays = collect(part, recipe)
        fit(arrays, recipe)
        checksums.reserve(COPIES * sum(a.nbytes for a in arrays.values()))
        image = _image(arrays, header_attributes(head, path.name))
        _compare(path, image, head, arrays)
    digest = hashlib.sha256(image).hexdigest()
    publish(checksums.checksum_path(path), checksums.line(path, digest))
    publish(path, image)


@contextmanager
def _building(path: Path) -> Iterator[None]:
    """Make one sentence of too little memory for a part that is not published yet."""
    try:
        yield
    except (MemoryError, OSError) as error:
        if not hdf5_guard.lacks_memory(error):
            raise
        raise MemoryShortageError(
            f"there is too little memory to write {path}, of which nothing was "
            f"published; {checksums.ADVICE}"
        ) from error


def _image(
    datasets: Mapping[str, np.ndarray], attributes: Mapping[str, object]
) -> bytes:
    """Return an HDF5 file as bytes, which was never on a disk while it was built."""
    with h5py.File(_empty()) as file:
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
        return sealed(file.id.get_file_image())


def _empty() -> h5py.h5f.FileID:
    """Return a new file in memory, of a format that has checksums of all metadata.

    Its groups keep no times, which old versions of h5py cannot be told otherwise.
    """
    made = h5py.h5p.create(h5py.h5p.FILE_CREATE)
    made.set_obj_track_times(False)
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_libver_bounds(h5py.h5f.LIBVER_V110, h5py.h5f.LIBVER_V110)
    access.set_fapl_core(backing_store=False)
    access.set_fclose_degree(h5py.h5f.CLOSE_STRONG)
    return h5py.h5f.create(b"part", h5py.h5f.ACC_TRUNC, made, access)


def _compare(
    path: Path, image: bytes, head: Header, arrays: Mapping[str, np.ndarray]
) -> None:
    """Refuse the bytes of a part that does not hold what was meant.

    Raises:
        AffuseError: naming the versions that built it
    """
    try:
        found, read_back = _parsed(image)
        wrong = difference(found, head) or _difference_of_arrays(read_back, arrays)
    except AffuseError as error:
        checksums.reserve(2 * len(image))  # or that was the reason
        wrong = f"it cannot be read: {error}"
    if wrong:
        raise AffuseError(
            f"h5py {h5py.__version__} with HDF5 {h5py.version.hdf5_version} built a "
            f"part that is not what was meant ({wrong}), so nothing was published "
            f"under {path}; install another version of h5py, then repeat the command"
        )


def _difference_of_arrays(
    found: Mapping[str, np.ndarray], meant: Mapping[str, np.ndarray]
) -> str:
    """Return what differs first in the arrays of a part; ``""`` if nothing does."""
    if found.keys() != meant.keys():
        return f"it holds {sorted(found)}, not {sorted(meant)}"
    for name, values in meant.items():
        other = found[name]
        if other.dtype != values.dtype or not np.array_equal(other, values):
            return f"its {name} differ"
    return ""


def header(path: Path) -> Header:
    """Return what a part says of itself, without reading its rows or its checksum.

    Raises:
        DamagedFileError: naming the file, if it is damaged or no part of a cache
        MemoryShortageError: if there is too little memory
        OSError: if the file cannot be opened
    """
    checksums.check_file(path)
    with checksums.judged(path, room=hdf5_guard.TEXT), hdf5_guard.opened(path) as file:
        return parse_header(file, hdf5_guard.datasets(file, KINDS, path.stat().st_size))


def read(
    path: Path, recipe: Recipe | None
) -> tuple[dict[str, np.ndarray], list[Problem]]:
    """Return the arrays and the problems of one part.

    Args:
        recipe: that it must have; None for any

    Raises:
        AffuseError: if its recipe is another
        DamagedFileError, MemoryShortageError, OSError: as `parse`
    """
    head, arrays = parse(path, checksums.check(path))
    head.recipe.demand(recipe or head.recipe, path)
    return arrays, list(head.problems)


def whole(path: Path) -> Header:
    """Return what a part says of itself, once all of it has been checked.

    Raises:
        Refused: naming the file, if it is not as it was published
        DamagedFileError, MemoryShortageError, OSError: as `parse`
    """
    return parse(path, checksums.check(path))[0]


def parse(path: Path, image: bytes) -> tuple[Header, dict[str, np.ndarray]]:
    """Return what the bytes of a part say and hold.

    Raises:
        DamagedFileError: naming the file, if this version cannot read it, or must not
        MemoryShortageError: if there is too little memory
    """
    with checksums.judged(path, room=2 * len(image)):
        checksums.reserve(2 * len(image))  # HDF5's copy, and the arrays
        return _parsed(image)


def _parsed(image: bytes) -> tuple[Header, dict[str, np.ndarray]]:
    """As `parse`, with errors that do not name the file."""
    with hdf5_guard.opened(image) as file:
        found = hdf5_guard.datasets(file, KINDS, len(image))
        head = parse_header(file, found)
        arrays = {name: hdf5_guard.values(dataset) for name, dataset in found.items()}
    fit(arrays, head.recipe)
    return head, arrays


def outline(path: Path, recipe: Recipe) -> tuple[dict[str, np.ndarray], int]:
    """Return the arrays of a part but its embeddings, and their features of a layer.

    Nothing is compared with the checksum, which would mean to read all of it.

    Raises:
        AffuseError, OSError: as `read`
    """
    checksums.check_file(path)
    with checksums.judged(path, room=hdf5_guard.TEXT), hdf5_guard.opened(path) as file:
        found = hdf5_guard.datasets(file, KINDS, path.stat().st_size)
        head = parse_header(file, found)
        large = {name: d for name, d in found.items() if name in LARGE}
        small = {name: d for name, d in found.items() if name not in LARGE}
        arrays = {name: hdf5_guard.values(dataset) for name, dataset in small.items()}
        fit({**arrays, **large}, head.recipe)
        dim = max((d.shape[-1] for d in large.values()), default=0)
    head.recipe.demand(recipe, path)
    return arrays, dim
