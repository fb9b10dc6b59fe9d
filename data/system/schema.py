"""Schema of JSON and TOML files: kinds of values with types, ranges, sizes and depth.

A kind checks one value. `Record`, `ListOf` and `MapOf` also check the values inside,
so a description has the structure of the file, and a reader can rely on its types.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Protocol

from affuse.data.system.mismatches import (
    SHOWN,
    Mismatch,
    MissingEntries,
    UnknownEntry,
)

BITS = 64  # of a whole number
LARGEST = 2**63 - 1  # whole number, if a kind has no other limit
HUGE = 1e300  # magnitude of a number, if a kind has no other limit


class Kind(Protocol):
    """Description of one value of a file."""

    def check(self, value: object) -> None:
        """Raise `Mismatch` if a parsed value is of another kind."""


def _size(kind: "Text | ListOf", noun: str) -> str:
    """Return the permitted number of characters or items in words."""
    if kind.least == kind.most:
        return f"{kind.most:,} {noun}{'s' * (kind.most != 1)}"
    fewest = f"{kind.least} to" if kind.least else "at most"
    return f"{fewest} {kind.most:,} {noun}s"


@dataclass(frozen=True)
class Text:
    """String of bounded length."""

    most: int = 10_000  # characters
    least: int = 0

    def check(self, value: object) -> None:
        """See `Kind`."""
        if not (isinstance(value, str) and self.least <= len(value) <= self.most):
            raise Mismatch(value, f"a text of {_size(self, 'character')}")


@dataclass(frozen=True)
class OneOf:
    """Choice of one among several values."""

    values: tuple[object, ...]

    def check(self, value: object) -> None:
        """See `Kind`."""
        if not any(type(value) is type(v) and value == v for v in self.values):
            raise Mismatch(value, f"one of {', '.join(map(repr, self.values))}")


@dataclass(frozen=True)
class Whole:
    """Whole number in a range, but not true or false."""

    least: int = 0
    most: int = LARGEST

    def check(self, value: object) -> None:
        """See `Kind`."""
        if type(value) is not int or not self.least <= value <= self.most:
            size = f"from {self.least} to {self.most}"
            if self.most == LARGEST:
                size = f"of {self.least} or more"
            raise Mismatch(value, f"a whole number {size}")


@dataclass(frozen=True)
class Number:
    """Finite number, whole or not."""

    least: float = -HUGE
    most: float = HUGE

    def check(self, value: object) -> None:
        """See `Kind`."""
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not self.least <= value <= self.most
        ):
            raise Mismatch(value, self._range())

    def _range(self) -> str:
        """Return the range in words."""
        if (self.least, self.most) == (-HUGE, HUGE):
            return "a finite number"
        if self.most == HUGE:
            return f"a finite number of {self.least:g} or more"
        return f"a number from {self.least:g} to {self.most:g}"


@dataclass(frozen=True)
class Flag:
    """True or false."""

    def check(self, value: object) -> None:
        """See `Kind`."""
        if not isinstance(value, bool):
            raise Mismatch(value, "true or false")


@dataclass(frozen=True)
class Maybe:
    """Value of a kind, or null."""

    kind: Kind

    def check(self, value: object) -> None:
        """See `Kind`."""
        if value is not None:
            self.kind.check(value)


@dataclass(frozen=True)
class ListOf:
    """List whose items are all of one kind."""

    kind: Kind
    most: int = 10_000
    least: int = 0

    def check(self, value: object) -> None:
        """See `Kind`."""
        if not (isinstance(value, list) and self.least <= len(value) <= self.most):
            raise Mismatch(value, f"a list of {_size(self, 'item')}")
        for number, item in enumerate(value):
            try:
                self.kind.check(item)
            except Mismatch as error:
                raise error.within(f"[{number}]") from None


@dataclass(frozen=True)
class MapOf:
    """Table with any names, whose values are all of one kind."""

    kind: Kind
    most: int = 10_000
    name: Text = Text(1_000)

    def check(self, value: object) -> None:
        """See `Kind`."""
        if not (isinstance(value, dict) and len(value) <= self.most):
            raise Mismatch(value, f"a table of at most {self.most:,} entries")
        for name, item in value.items():
            try:
                self.name.check(name)
                self.kind.check(item)
            except Mismatch as error:
                raise error.within(f".{name[:SHOWN]}") from None


@dataclass(frozen=True)
class Record:
    """Table with fixed names, each with a kind."""

    needed: Mapping[str, Kind]
    optional: Mapping[str, Kind] = field(default_factory=dict)
    others: Kind | None = None  # kind of all other names; None to refuse them
    most: int = 10_000  # entries

    @cached_property
    def _kinds(self) -> Mapping[str, Kind]:
        return {**self.optional, **self.needed}

    def check(self, value: object) -> None:
        """See `Kind`."""
        if not (isinstance(value, dict) and len(value) <= self.most):
            raise Mismatch(value, f"a table of at most {self.most:,} entries")
        if lacking := self.needed.keys() - value.keys():
            names = ", ".join(sorted(lacking))
            raise MissingEntries(sorted(value), names)
        for name, item in value.items():
            kind = self._kinds.get(name, self.others)
            if kind is None:
                raise UnknownEntry(name, ", ".join(sorted(self._kinds)))
            try:
                kind.check(item)
            except Mismatch as error:
                raise error.within(f".{name[:SHOWN]}") from None


@dataclass(frozen=True)
class Plain:
    """Any value whose lists and tables are nested at most `depth` levels.

    Numbers must be finite, and whole numbers must fit into 64 bits.
    """

    depth: int = 3
    most: int = 10_000  # entries of one list or table

    def check(self, value: object) -> None:
        """See `Kind`."""
        if isinstance(value, dict | list):
            self._check_items(value)
        elif isinstance(value, float) and not math.isfinite(value):
            raise Mismatch(value, "a finite number")
        elif isinstance(value, int) and value.bit_length() > BITS:
            raise Mismatch(value, f"a number of at most {BITS} bits")
        elif not isinstance(value, str | int | float | None):
            raise Mismatch(value, "a text or a number")

    def _check_items(self, value: dict[str, object] | list[object]) -> None:
        if self.depth < 1 or len(value) > self.most:
            raise Mismatch(value, "a value of fewer levels or entries")
        inner = _inner(self)
        items: Iterable[object] = value.values() if isinstance(value, dict) else value
        for item in items:
            if type(item) is not str:  # most items of a large file are, and always fit
                inner.check(item)


@lru_cache(maxsize=64)
def _inner(outer: Plain) -> Plain:
    """Return the kind of the values inside a list or table."""
    return Plain(outer.depth - 1, outer.most)
