"""Parts of a cache: HDF5 files that are written atomically and read with all checks.

A part is built in memory, read back and compared, and then written atomically. Its
SHA-256 is written first, to ``part-00000.h5.sha256`` in the format of ``sha256sum
--check``. HDF5 never opens a published file for writing, so a killed process cannot
damage it. Each part holds

=============== ========================= ============================================
``ids``         (n,) UTF-8                utterance ids
``contents``    (n,) 32 hex digits        digest of each utterance's input
``embeddings``  (n, layers, dim)          pooled vectors; not for ``frames``
``values``      (sum of steps, layers, dim) for ``frames``: frames of all utterances
``offsets``     (n + 1,)                  for ``frames``: where each utterance begins
``head``        (n, ratings)              predictions of the checkpoint's own head, if
                                          kept
``files``       (n,) 32 hex digits        for audio: digest of each recording's file
``spans``       (n, 2)                    for audio: span in seconds
``samples``     (n,) 32 hex digits        for audio: digest of the decoded samples,
                                          "silent", or "" if it is not known
=============== ========================= ============================================

and the attributes ``format``, ``recipe``, ``parts`` (planned number of parts),
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
from affuse.data.cache.hdf5_guard import TEXT
from affuse.data.cache.hdf5_superblock import with_checksum
from affuse.data.cache.part_arrays import KINDS, LARGE, Part, check_arrays, collect
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
    "check_part", "write"]  # fmt: skip
CHUNK = 2**20  # approximate bytes of a chunk, which has a Fletcher checksum
COPIES = 3  # copies of a part in memory while it is built and compared


def write(
    path: Path, part: Part, *, recipe: Recipe, parts: int, versions: Mapping[str, str]
) -> None:
    """Write one part atomically, after its bytes have been read back and compared.

    With one version of HDF5, equal arguments give equal bytes.

    Raises:
        AffuseError: if a vector has another shape than the recipe, or is not finite in
            the storage dtype; or if this h5py builds a file that cannot be read
        MemoryShortageError: if there is too little memory to build and compare it
        OSError: if it cannot be written; then nothing is published
    """
    head = Header(recipe, parts, len(part.ids), dict(versions), part.problems)
    with _building(path):
        arrays = collect(part, recipe)
        check_arrays(arrays, recipe)
        checksums.reserve(COPIES * sum(a.nbytes for a in arrays.values()))
        image = _image(arrays, header_attributes(head, path.name))
        _compare(path, image, head, arrays)
    digest = hashlib.sha256(image).hexdigest()
    publish(checksums.checksum_path(path), checksums.line(path, digest))
    publish(path, image)


@contextmanager
def _building(path: Path) -> Iterator[None]:
    """Convert an error of too little memory, with the path of the unpublished part."""
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
    """Return the bytes of an HDF5 file that is built in memory."""
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
        return with_checksum(file.id.get_file_image())


def _empty() -> h5py.h5f.FileID:
    """Return a new file in memory, in a format with checksums of all metadata.

    The low-level interface is used because old versions of h5py have no other way to
    switch off the times of groups.
    """
    creation = h5py.h5p.create(h5py.h5p.FILE_CREATE)
    creation.set_obj_track_times(False)
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_libver_bounds(h5py.h5f.LIBVER_V110, h5py.h5f.LIBVER_V110)
    access.set_fapl_core(backing_store=False)
    access.set_fclose_degree(h5py.h5f.CLOSE_STRONG)
    return h5py.h5f.create(b"part", h5py.h5f.ACC_TRUNC, creation, access)


def _compare(
    path: Path, image: bytes, head: Header, arrays: Mapping[str, np.ndarray]
) -> None:
    """Raise an error if the bytes of a part do not hold its header and arrays.

    Raises:
        AffuseError: with the versions of h5py and HDF5 that built it
    """
    try:
        read_head, read_back = _parsed(image)
        wrong = difference(read_head, head) or _difference_of_arrays(read_back, arrays)
    except AffuseError as error:
        checksums.reserve(2 * len(image))  # too little memory may be the reason
        wrong = f"it cannot be read: {error}"
    if wrong:
        raise AffuseError(
            f"h5py {h5py.__version__} with HDF5 {h5py.version.hdf5_version} built a "
            f"part that differs from its input ({wrong}), so nothing was published "
            f"under {path}; install another version of h5py, then repeat the command"
        )


def _difference_of_arrays(
    actual: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]
) -> str:
    """Return a sentence about the first array that differs; ``""`` if none does."""
    if actual.keys() != expected.keys():
        return f"it holds {sorted(actual)}, not {sorted(expected)}"
    for name, values in expected.items():
        other = actual[name]
        if other.dtype != values.dtype or not np.array_equal(other, values):
            return f"its {name} differ"
    return ""


def header(path: Path) -> Header:
    """Return the header of a part, without reading its rows or its checksum.

    Raises:
        DamagedFileError: if the file is damaged or no part of a cache
        MemoryShortageError: if there is too little memory
        OSError: if the file cannot be opened
    """
    checksums.check_file(path)
    with checksums.convert_errors(path, room=TEXT), hdf5_guard.open_file(path) as file:
        return parse_header(file, hdf5_guard.datasets(file, KINDS, path.stat().st_size))


def read(
    path: Path, recipe: Recipe | None
) -> tuple[dict[str, np.ndarray], list[Problem]]:
    """Return the arrays and the problems of one part.

    Args:
        path: of the part
        recipe: that the part must have; None for any

    Raises:
        AffuseError: if the part has another recipe
        DamagedFileError, MemoryShortageError, OSError: as in `parse`
    """
    head, arrays = parse(path, checksums.check(path))
    head.recipe.demand(recipe or head.recipe, path)
    return arrays, list(head.problems)


def check_part(path: Path) -> Header:
    """Return the header of a part, after its whole content has been checked.

    Raises:
        ChecksumError: if the file is not as it was published
        DamagedFileError, MemoryShortageError, OSError: as in `parse`
    """
    return parse(path, checksums.check(path))[0]


def parse(path: Path, image: bytes) -> tuple[Header, dict[str, np.ndarray]]:
    """Return the header and the arrays in the bytes of a part.

    Raises:
        DamagedFileError: if this version cannot read the part, or refuses to
        MemoryShortageError: if there is too little memory
    """
    with checksums.convert_errors(path, room=2 * len(image)):
        checksums.reserve(2 * len(image))  # HDF5's copy, and the arrays
        return _parsed(image)


def _parsed(image: bytes) -> tuple[Header, dict[str, np.ndarray]]:
    """Return the same as `parse`, with errors that do not name the file."""
    with hdf5_guard.open_file(image) as file:
        members = hdf5_guard.datasets(file, KINDS, len(image))
        head = parse_header(file, members)
        arrays = {name: hdf5_guard.values(dataset) for name, dataset in members.items()}
    check_arrays(arrays, head.recipe)
    return head, arrays


def outline(path: Path, recipe: Recipe) -> tuple[dict[str, np.ndarray], int]:
    """Return the arrays of a part without its embeddings, and their dimension.

    The checksum is not compared, because that would require to read the whole part.

    Raises:
        AffuseError, OSError: as in `read`
    """
    checksums.check_file(path)
    with checksums.convert_errors(path, room=TEXT), hdf5_guard.open_file(path) as file:
        members = hdf5_guard.datasets(file, KINDS, path.stat().st_size)
        head = parse_header(file, members)
        large = {name: d for name, d in members.items() if name in LARGE}
        small = {name: d for name, d in members.items() if name not in LARGE}
        arrays = {name: hdf5_guard.values(dataset) for name, dataset in small.items()}
        check_arrays({**arrays, **large}, head.recipe)
        dim = max((d.shape[-1] for d in large.values()), default=0)
    head.recipe.demand(recipe, path)
    return arrays, dim
