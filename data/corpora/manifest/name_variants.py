"""Notes on speakers, sessions and dialogues that a table spells in several ways."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from affuse.data.name_spellings import FIELDS, variants
from affuse.data.records import Problem
from affuse.data.tables import cell_values

NUMBER = re.compile(r"0*(\d{1,18})(?:\.0+)?", re.ASCII)


class NameSpellings:
    """Counter of names over the rows, with notes on spellings of the same name."""

    def __init__(self) -> None:
        self._names: dict[str, Counter[str]] = {field: Counter() for field in FIELDS}

    def count(self, cells: Mapping[str, str]) -> None:
        """Add the names of one row, by role."""
        for field, names in self._names.items():
            if name := cell_values.name_or_empty(cells.get(field, "")):
                names[name] += 1

    def notes(self, file: str) -> Iterator[Problem]:
        """Yield notes on names in several spellings, for each kind of name.

        Args:
            file: name of the table, or of the tables
        """
        for field, names in self._names.items():
            groups = [*variants(names).values()]
            if groups:
                yield Problem(file, _unified_reason(field, groups, names), fatal=False)
            if numbers := _numbers(names):
                yield Problem(
                    file, _separate_reason(field, numbers, names), fatal=False
                )


def _numbers(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Return groups of names for the same number, such as ``1``, ``01`` and ``1.0``."""
    by_number: dict[str, list[str]] = {}
    for name in names:
        if number := NUMBER.fullmatch(name):
            by_number.setdefault(number[1], []).append(name)
    return [tuple(sorted(group)) for group in by_number.values() if len(group) > 1]


def _unified_reason(
    field: str, groups: list[tuple[str, ...]], names: Counter[str]
) -> str:
    return (
        f"a {field} is spelt in several ways, each taken as one, such as "
        f"{_example(groups)} ({field}s: {len(groups)}, rows: {_rows(groups, names)})"
    )


def _separate_reason(
    field: str, groups: list[tuple[str, ...]], names: Counter[str]
) -> str:
    return (
        f"names of a {field} are one number in several spellings, each taken as "
        f"another {field}, such as {_example(groups)} (numbers: {len(groups)}, rows: "
        f"{_rows(groups, names)}); write them in one way where they are one"
    )


def _example(groups: list[tuple[str, ...]]) -> str:
    return " and ".join(map(repr, groups[0]))


def _rows(groups: list[tuple[str, ...]], names: Counter[str]) -> int:
    return sum(names[name] for group in groups for name in group)
