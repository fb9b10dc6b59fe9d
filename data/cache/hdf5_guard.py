"""Checks of an untrusted HDF5 file before any data are read.

Users exchange caches, and a checksum only shows that a file is as its author wrote it.
So everything is refused that could make HDF5 open another file, decompress, or reserve
memory. This includes links, external and virtual storage, object types, filters other
than the checksum of parts, and sizes that exceed the stored data. The checks read only
the descriptions of datasets, so HDF5 never searches for a filter plug-in.

Only this module converts exceptions of h5py to an `AffuseError`. For a bad file, h5py
raises exceptions of nearly all types, which bugs of this project raise too.
"""

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
from h5py import h5a, h5d, h5s, h5t, h5z

from affuse.data.errors import AffuseError

TEXT = 2**24  # bytes of an attribute; each of up to 1024 problems takes about 250
_LAYOUTS = (h5d.COMPACT, h5d.CONTIGUOUS, h5d.CHUNKED)
_CHECKSUM = 4  # bytes of the Fletcher checksum after each chunk
# Exceptions of h5py, which depend on the type of HDF5's error.
_RAISED = (KeyError, OSError, RuntimeError, TypeError, ValueError)
# The pattern excludes "past end of allocation", by which HDF5 reports a bad address.
_SHORTAGE = re.compile(r"memory alloc|(can't|unable to|cannot) alloc|out of memory")


@contextmanager
def convert_errors() -> Iterator[None]:
    """Convert the exceptions that h5py raises for a bad file to an `AffuseError`.

    Raises:
        AffuseError: if the file is not valid
        MemoryError: if HDF5 has too little memory
        OSError: if the system cannot read the file; the error has an `errno`
    """
    try:
        yield
    except AffuseError:
        raise
    except _RAISED as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        if lacks_memory(error):
            raise MemoryError(str(error)) from error
        raise AffuseError(str(error)) from error


def lacks_memory(error: BaseException) -> bool:
    """Return True if an error of HDF5, PyTorch or Python reports too little memory."""
    match = _SHORTAGE.search(str(error).lower())
    return isinstance(error, MemoryError) or match is not None


@contextmanager
def open_file(source: Path | bytes) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading, and close it afterwards.

    Args:
        source: path of the file, or its bytes

    Raises:
        AffuseError, MemoryError, OSError: as in `convert_errors`
    """
    with convert_errors():
        if isinstance(source, bytes):
            file = h5py.File(h5py.h5f.open_file_image(source))
        else:
            file = h5py.File(source, "r", locking=False)
    try:
        yield file
    finally:
        with convert_errors():
            file.close()


@convert_errors()
def values(dataset: h5py.Dataset) -> np.ndarray:
    """Return all values of a dataset.

    Args:
        dataset: as `datasets` returned it, so that it was checked

    Raises:
        AffuseError, MemoryError, OSError: as in `convert_errors`
    """
    return np.asarray(dataset[:])


@convert_errors()
def text(file: h5py.File, name: str) -> str:
    """Return the value of an attribute that is one string of fixed length.

    Args:
        file: that is open
        name: of the attribute

    Raises:
        AffuseError: if the attribute has another type or is too large
    """
    kind = _single(file, name)
    if not isinstance(kind, h5t.TypeStringID) or kind.is_variable_str():
        raise AffuseError(f"its {name} is no text of fixed length")
    return bytes(file.attrs[name]).decode()


@convert_errors()
def number(file: h5py.File, name: str) -> int:
    """Return the value of an attribute that is one integer.

    Args:
        file: that is open
        name: of the attribute

    Raises:
        AffuseError: if the attribute has another type
    """
    if not isinstance(_single(file, name), h5t.TypeIntegerID):
        raise AffuseError(f"its {name} is no whole number")
    return int(file.attrs[name])


def _single(file: h5py.File, name: str) -> h5t.TypeID:
    """Return the type of an attribute after checking that it is one small value."""
    attribute = h5a.open(file.id, name.encode())
    if (
        attribute.get_space().get_simple_extent_type() != h5s.SCALAR
        or attribute.get_type().get_size() > TEXT
    ):
        raise AffuseError(f"its {name} is no single value of at most {TEXT} bytes")
    return attribute.get_type()


@convert_errors()
def datasets(
    file: h5py.File, kinds: Mapping[str, str], size: int
) -> dict[str, h5py.Dataset]:
    """Return the members of a file after checking that each is a safe dataset.

    Args:
        file: that is open
        kinds: letter of the NumPy kind of each permitted dataset, by name
        size: of the file, in bytes

    Raises:
        AffuseError: if a member is not permitted; the message names it
    """
    members, storage = {}, 0
    for name in file:
        if name not in kinds:
            raise AffuseError(f"a part has no {name[:40]!r}")
        members[name] = _dataset(file, name, kinds[name], size)
        storage += members[name].id.get_storage_size()
    if storage > size:
        raise AffuseError(f"its arrays claim {storage} of its {size} bytes")
    return members


def _dataset(file: h5py.File, name: str, kind: str, size: int) -> h5py.Dataset:
    """Return a dataset after checking that all its values are stored in the file."""
    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        raise AffuseError(f"'{name}' is missing, or a link")
    opened = h5py.h5o.open(file.id, name.encode())
    if not isinstance(opened, h5d.DatasetID):
        raise AffuseError(f"'{name}' is no dataset")
    plan = opened.get_create_plist()
    if plan.get_layout() not in _LAYOUTS or plan.get_external_count():
        raise AffuseError(f"'{name}' is stored in another file")
    filters = [plan.get_filter(i)[0] for i in range(plan.get_nfilters())]
    if filters not in ([], [h5z.FILTER_FLETCHER32]):
        raise AffuseError(f"'{name}' uses filters {filters}, which no part has")
    if opened.dtype.kind != kind:
        raise AffuseError(f"'{name}' holds {opened.dtype}, not kind {kind}")
    if opened.get_space().get_simple_extent_type() != h5s.SIMPLE:
        raise AffuseError(f"'{name}' is a scalar or has no shape")
    needed = math.prod(opened.shape) * opened.dtype.itemsize
    if needed > size or needed > opened.get_storage_size():
        raise AffuseError(f"'{name}' claims {needed} bytes that are not in the file")
    if plan.get_layout() == h5d.CHUNKED:
        _check_chunks(opened, plan.get_chunk(), _CHECKSUM * len(filters), size)
    return h5py.Dataset(opened)


def _check_chunks(
    dataset: h5d.DatasetID, shape: tuple[int, ...], extra: int, size: int
) -> None:
    """Raise an error if chunks are missing, overlap, or have an unexpected size."""
    length = math.prod(shape) * dataset.dtype.itemsize + extra
    grid = [math.ceil(n / c) for n, c in zip(dataset.shape, shape, strict=True)]
    if math.prod(grid) * length > size:  # checked first, to limit the number of chunks
        raise AffuseError(f"its chunks claim more than its {size} bytes")
    chunks: list[h5d.StoreInfo] = []
    dataset.chunk_iter(chunks.append)
    begins = sorted(chunk.byte_offset for chunk in chunks)
    if (
        len(chunks) != math.prod(grid)
        or any(chunk.size != length or chunk.filter_mask for chunk in chunks)
        or any(b - a < length for a, b in zip(begins, [*begins[1:], size], strict=True))
    ):
        raise AffuseError("its chunks are missing, overlap or have another size")
