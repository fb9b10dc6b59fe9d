"""What a part of the cache says of itself: the attributes of its HDF5 file."""

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
MOST = 100_000  # parts of a cache: their numbers have five digits
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
    """What a part says of itself, beside its rows."""

    recipe: Recipe
    parts: int  # of the whole cache, as planned
    rows: int  # utterances in this part
    versions: Mapping[str, str]  # of the packages that made it
    problems: tuple[Problem, ...]


def header_attributes(head: Header, name: str) -> dict[str, object]:
    """Return a header as attributes of an HDF5 file.

    Args:
        name: of the part, for messages

    Raises:
        AffuseError: if a text is longer than one that would be read
    """
    texts = {
        "recipe": head.recipe.text(),
        "versions": json.dumps(dict(head.versions), sort_keys=True),
        "problems": json.dumps([asdict(p) for p in head.problems], sort_keys=True),
    }
    for field, text in texts.items():
        if len(text) > hdf5_guard.TEXT:
            raise AffuseError(f"{field} of {name} exceed {hdf5_guard.TEXT} bytes")
    # strings of fixed length, unlike others, are covered by HDF5's own checksums
    encoded = {field: np.bytes_(text.encode()) for field, text in texts.items()}
    return {"format": FORMAT, "parts": head.parts, **encoded}


def parse_header(file: h5py.File, found: Mapping[str, h5py.Dataset]) -> Header:
    """Return the header of an open part.

    Args:
        found: its datasets, as `affuse.data.cache.hdf5_guard.datasets` found them

    Raises:
        AffuseError: if it is none of this version
        MemoryError, OSError: as `affuse.data.cache.hdf5_guard.text`
    """
    if (version := hdf5_guard.number(file, "format")) != FORMAT:
        raise AffuseError(f"its format is {version}, not {FORMAT}")
    if not 0 < (parts := hdf5_guard.number(file, "parts")) <= MOST:
        raise AffuseError(f"a cache has 1 to {MOST} parts, not {parts}")
    if "ids" not in found:
        raise AffuseError("'ids' is missing, or a link")
    return Header(
        recipe=Recipe.parse(hdf5_guard.text(file, "recipe")),
        parts=parts,
        rows=len(found["ids"]),
        versions=parse_json(hdf5_guard.text(file, "versions"), VERSIONS),
        problems=tuple(
            Problem(**p)
            for p in parse_json(hdf5_guard.text(file, "problems"), PROBLEMS)
        ),
    )


def difference(found: Header, meant: Header) -> str:
    """Return the first field that differs, in words; ``""`` if none does."""
    if found.recipe.text() != meant.recipe.text():
        return "its recipe is another"
    names = ("parts", "rows", "versions", "problems")
    wrong = (n for n in names if getattr(found, n) != getattr(meant, n))
    return next((f"its {name} differ" for name in wrong), "")
