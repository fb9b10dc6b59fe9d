"""Header of a part of a cache, stored as attributes of its HDF5 file."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import h5py
import numpy as np

from affuse.data.cache import hdf5_guard
from affuse.data.cache.recipe import Recipe
from affuse.data.errors import AffuseError
from affuse.data.records import Problem
from affuse.data.system.documents import parse_json
from affuse.data.system.schema import Flag, ListOf, MapOf, Maybe, Record, Text, Whole

FORMAT = 1  # of a part
MOST = 100_000  # parts of a cache, whose numbers have five digits
VERSIONS = MapOf(Text(1_000))
PROBLEMS = ListOf(
    Record(
        {"file": Text(hdf5_guard.TEXT), "reason": Text(hdf5_guard.TEXT)},
        {"line": Maybe(Whole()), "id": Text(), "fatal": Flag()},
    ),
    most=hdf5_guard.TEXT,
)


@dataclass(frozen=True)
class Header:
    """Header of a part: all that it holds beside its rows."""

    recipe: Recipe
    parts: int  # planned number of parts of the cache
    rows: int  # utterances in this part
    versions: Mapping[str, str]  # of the packages that wrote it
    problems: tuple[Problem, ...]


def header_attributes(head: Header, name: str) -> dict[str, object]:
    """Return a header as attributes of an HDF5 file.

    Args:
        head: to store
        name: of the part, for messages

    Raises:
        AffuseError: if a text is too long to be read again
    """
    texts = {
        "recipe": head.recipe.text(),
        "versions": json.dumps(dict(head.versions), sort_keys=True),
        "problems": json.dumps([asdict(p) for p in head.problems], sort_keys=True),
    }
    for field, text in texts.items():
        if len(text) > hdf5_guard.TEXT:
            raise AffuseError(f"{field} of {name} exceed {hdf5_guard.TEXT} bytes")
    # The checksums of HDF5 cover strings of fixed length, but not those of variable
    # length.
    encoded = {field: np.bytes_(text.encode()) for field, text in texts.items()}
    return {"format": FORMAT, "parts": head.parts, **encoded}


def parse_header(file: h5py.File, members: Mapping[str, h5py.Dataset]) -> Header:
    """Return the header of an open part.

    Args:
        file: of the part
        members: its datasets, from `affuse.data.cache.hdf5_guard.datasets`

    Raises:
        AffuseError: if the header is invalid or has another format
        MemoryError, OSError: as in `affuse.data.cache.hdf5_guard.text`
    """
    if (version := hdf5_guard.number(file, "format")) != FORMAT:
        raise AffuseError(f"its format is {version}, not {FORMAT}")
    if not 0 < (parts := hdf5_guard.number(file, "parts")) <= MOST:
        raise AffuseError(f"a cache has 1 to {MOST} parts, not {parts}")
    if "ids" not in members:
        raise AffuseError("'ids' is missing, or a link")
    return Header(
        recipe=Recipe.parse(hdf5_guard.text(file, "recipe")),
        parts=parts,
        rows=len(members["ids"]),
        versions=parse_json(hdf5_guard.text(file, "versions"), VERSIONS),
        problems=tuple(
            Problem(**p)
            for p in parse_json(hdf5_guard.text(file, "problems"), PROBLEMS)
        ),
    )


def difference(actual: Header, expected: Header) -> str:
    """Return a sentence about the first field that differs; ``""`` if none does."""
    if actual.recipe.text() != expected.recipe.text():
        return "its recipe differs"
    names = ("parts", "rows", "versions", "problems")
    wrong = (n for n in names if getattr(actual, n) != getattr(expected, n))
    return next((f"its {name} differ" for name in wrong), "")
