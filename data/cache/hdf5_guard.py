"""What may be read of an HDF5 file that somebody else may have made.

Caches are exchanged, and a checksum only says that a file is the one its maker meant.
So before any row is read, everything that HDF5 would follow out of the file, unpack,
or reserve memory for is refused: links, external and virtual storage, objects, filters
other than the checksum that parts have, and sizes that the file does not really store.
Nothing of a dataset but its description is touched for that, so no filter plug-in is
ever looked for.

What h5py raises for a bad file becomes an `AffuseError` here and nowhere else: it
raises nearly every kind there is, which faults of our own code do as well.
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

TEXT = 2**24  # bytes of an attribute; a problem takes about 250, a part has 1024 rows
_LAYOUTS = (h5d.COMPACT, h5d.CONTIGUOUS, h5d.CHUNKED)
_CHECKSUM = 4  # bytes that follow each chunk
# What h5py raises, by the kind of error of HDF5.
_RAISED = (KeyError, OSError, RuntimeError, TypeError, ValueError)
# HDF5 says "past end of allocation" of addresses, which is another matter.
_SHORTAGE = re.compile(r"memory alloc|(can't|unable to|cannot) alloc|out of memory")


@contextmanager
def translated() -> Iterator[None]:
    """Turn what h5py raises for a bad file into an `AffuseError`.

    Raises:
        AffuseError: if something is wrong with the file
        MemoryError: if HDF5 has too little memory
        OSError: if it is the system that cannot read the file; it has an `errno`
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
    """Return True if an error of HDF5, PyTorch or Python says that memory is short."""
    said = _SHORTAGE.search(str(error).lower())
    return isinstance(error, MemoryError) or said is not None


@contextmanager
def opened(source: Path | bytes) -> Iterator[h5py.File]:
    """Open an HDF5 file, or the bytes of one, for reading.

    Raises:
        AffuseError, MemoryError, OSError: as `translated`
    """
    with translated():
        if isinstance(source, bytes):
            file = h5py.File(h5py.h5f.open_file_image(source))
        else:
            file = h5py.File(source, "r", locking=False)
    try:
        yield file
    finally:
        with translated():
            file.close()


@translated()
def values(dataset: h5py.Dataset) -> np.ndarray:
    """Return all values of a dataset that `datasets` found.

    Raises:
        AffuseError, MemoryError, OSError: as `translated`
    """
    return np.asarray(dataset[:])


@translated()
def text(file: h5py.File, name: str) -> str:
    """Return an attribute that is one string of fixed length.

    Raises:
        AffuseError: if it is something else, or too large
    """
    kind = _single(file, name)
    if not isinstance(kind, h5t.TypeStringID) or kind.is_variable_str():
        raise AffuseError(f"its {name} is no text of fixed length")
    return bytes(file.attrs[name]).decode()


@translated()
def number(file: h5py.File, name: str) -> int:
    """Return an attribute that is one integer.

    Raises:
        AffuseError: if it is something else
    """
    if not isinstance(_single(file, name), h5t.TypeIntegerID):
        raise AffuseError(f"its {name} is no whole number")
    return int(file.attrs[name])


def _single(file: h5py.File, name: str) -> h5t.TypeID:
    """Return the type of an attribute that holds one value of bounded size."""
    found = h5a.open(file.id, name.encode())
    if (
        found.get_space().get_simple_extent_type() != h5s.SCALAR
        or found.get_type().get_size() > TEXT
    ):
        raise AffuseError(f"its {name} is no single value of at most {TEXT} bytes")
    return found.get_type()


@translated()
def datasets(
    file: h5py.File, kinds: Mapping[str, str], size: int
) -> dict[str, h5py.Dataset]:
    """Return every member of the file, each a dataset that may be read.

    Args:
        kinds: letter of the numpy kind that each may have, by name; none else may be
            there
        size: of the file, in bytes

    Raises:
        AffuseError: naming the member and what is wrong with it
    """
    found, stored = {}, 0
    for name in file:
        if name not in kinds:
            raise AffuseError(f"a part has no {name[:40]!r}")
        found[name] = _dataset(file, name, kinds[name], size)
        stored += found[name].id.get_storage_size()
    if stored > size:
        raise AffuseError(f"its arrays claim {stored} of its {size} bytes")
    return found


def _dataset(file: h5py.File, name: str, kind: str, size: int) -> h5py.Dataset:
    """Strings or numbers that lie in the file itself, in full."""
    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        raise AffuseError(f"'{name}' is missing, or a link")
    opened = h5py.h5o.open(file.id, name.encode())
    if not isinstance(opened, h5d.DatasetID):
        raise AffuseError(f"'{name}' is no dataset")
    plan = opened.get_create_plist()
    if plan.get_layout() not in _LAYOUTS or plan.get_external_count():
        raise AffuseError(f"'{name}' holds what lies in another file")
    filters = [plan.get_filter(i)[0] for i in range(plan.get_nfilters())]
    if filters not in ([], [h5z.FILTER_FLETCHER32]):
        raise AffuseError(f"'{name}' goes through filters {filters}, which no part has")
    if opened.dtype.kind != kind:
        raise AffuseError(f"'{name}' holds {opened.dtype}, not kind {kind}")
    if opened.get_space().get_simple_extent_type() != h5s.SIMPLE:
        raise AffuseError(f"'{name}' is scalar or has no size")
    wanted = math.prod(opened.shape) * opened.dtype.itemsize
    if wanted > size or wanted > opened.get_storage_size():
        raise AffuseError(f"'{name}' claims {wanted} bytes that are not in the file")
    if plan.get_layout() == h5d.CHUNKED:
        _check_chunks(opened, plan.get_chunk(), _CHECKSUM * len(filters), size)
    return h5py.Dataset(opened)


def _check_chunks(
    found: h5d.DatasetID, shape: tuple[int, ...], extra: int, size: int
) -> None:
    """Refuse chunks that are missing, lie in each other, or unpack to more or less."""
    length = math.prod(shape) * found.dtype.itemsize + extra
    grid = [math.ceil(n / c) for n, c in zip(found.shape, shape, strict=True)]
    if math.prod(grid) * length > size:  # before they are listed one by one
        raise AffuseError(f"its chunks claim more than its {size} bytes")
    chunks: list[h5d.StoreInfo] = []
    found.chunk_iter(chunks.append)
    begins = sorted(chunk.byte_offset for chunk in chunks)
    if (
        len(chunks) != math.prod(grid)
        or any(chunk.size != length or chunk.filter_mask for chunk in chunks)
        or any(b - a < length for a, b in zip(begins, [*begins[1:], size], strict=True))
    ):
        raise AffuseError("its chunks are not where and what they should be")
