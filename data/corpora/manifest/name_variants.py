"""Names of speakers, sessions and dialogues that a table may spell in several ways."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from affuse.data.name_spellings import FIELDS, variants
from affuse.data.records import Problem
from affuse.data.tables import cell_values

NUMBER = re.compile(r"0*(\d{1,18})(?:\.0+)?", re.ASCII)


class NameSpellings:
    """Counts names row by row, and tells which may be one, in a note for each kind."""

    def __init__(self) -> None:
        self._names: dict[str, Counter[str]] = {field: Counter() for field in FIELDS}

    def count(self, cells: Mapping[str, str]) -> None:
        """Add the names of one row, by role."""
        for field, names in self._names.items():
            if name := cell_values.name_or_empty(cells.get(field, "")):
                names[name] += 1

    def notes(self, file: str) -> Iterator[Problem]:
        """Yield the notes.

        Args:
            file: name of the table, or of the tables
        """
        for field, names in self._names.items():
            alike = [*variants(names).values()]
            if alike:
                yield Problem(file, _one(field, alike, names), fatal=False)
            if numbers := _numbers(names):
                yield Problem(file, _several(field, numbers, names), fatal=False)


def _numbers(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Return the names that are one number, such as ``1``, ``01`` and ``1.0``."""
    found: dict[str, list[str]] = {}
    for name in names:
        if number := NUMBER.fullmatch(name):
            found.setdefault(number[1], []).append(name)
    return [tuple(sorted(each)) for each in found.values() if len(each) > 1]


def _one(field: str, alike: list[tuple[str, ...]], names: Counter[str]) -> str:
    return (
        f"a {field} is spelt in several ways, each taken as one, such as "
        f"{_shown(alike)} ({field}s: {len(alike)}, rows: {_rows(alike, names)})"
    )


def _several(field: str, alike: list[tuple[str, ...]], names: Counter[str]) -> str:
    return (
        f"names of a {field} are one number in several spellings, each taken as "
        f"another {field}, such as {_shown(alike)} (numbers: {len(alike)}, rows: "
        f"{_rows(alike, names)}); write them in one way where they are one"
    )


def _shown(alike: list[tuple[str, ...]]) -> str:
    return " and ".join(map(repr, alike[0]))


def _rows(alike: list[tuple[str, ...]], names: Counter[str]) -> int:
    return sum(names[name] for each in alike for name in each)
