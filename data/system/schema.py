"""Kinds of values in JSON and TOML files: types, ranges, sizes and depth.

A kind checks one value. `Record` and its siblings check what they hold in turn, so a
description reads as the file does, and a reader may rely on every type in it.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Protocol

from affuse.data.errors import DamagedFileError
from affuse.data.terminal import printable

SHOWN = 60  # characters of a value in an error
BITS = 64  # of a whole number


class Mismatch(DamagedFileError):
    """A value is of another kind than its file describes.

    Args:
        found: the value
        wanted: what it should be, in words
        place: names and numbers that lead to it, the innermost first
    """

    def __init__(self, found: object, wanted: str, *place: str):
        super().__init__(found, wanted, *place)
        self.found, self.wanted, self.place = found, wanted, place

    def __str__(self) -> str:
        """Return ``encoders.audio.layers[0] is 'x', not a whole number ...``."""
        name = "".join(reversed(self.place)).removeprefix(".") or "it"
        return f"{printable(name)[:200]} is {shown(self.found)}, not {self.wanted}"

    def within(self, place: str) -> "Mismatch":
        """Return the same error, of a value inside a list or a table."""
        return Mismatch(self.found, self.wanted, *self.place, place)


def shown(value: object) -> str:
    """Return the beginning of a value as Python writes it, for a sentence."""
    try:
        return printable(repr(value)[:SHOWN])
    except (ValueError, RecursionError):  # a number of very many digits, or nested
        return f"a {type(value).__name__} that is too large to show"


class Kind(Protocol):
    """Describes one value of a file."""

    def check(self, value: object) -> None:
        """Raise `Mismatch` if a value, as JSON or TOML gave it, is of another kind."""


@dataclass(frozen=True)
class Text:
    """A string of bounded length."""

    most: int = 10_000  # characters
    least: int = 0

    def check(self, value: object) -> None:
        """See `Kind`."""
        if not (isinstance(value, str) and self.least <= len(value) <= self.most):
            raise Mismatch(value, f"a text of {self.least} to {self.most} characters")


@dataclass(frozen=True)
class OneOf:
    """One of several values."""

    values: tuple[object, ...]

    def check(self, value: object) -> None:
        """See `Kind`."""
        if not any(type(value) is type(v) and value == v for v in self.values):
            raise Mismatch(value, f"one of {', '.join(map(repr, self.values))}")


@dataclass(frozen=True)
class Whole:
    """A whole number in a range; true and false are none."""

    least: int = 0
    most: int = 2**63 - 1

    def check(self, value: object) -> None:
        """See `Kind`."""
        if type(value) is not int or not self.least <= value <= self.most:
            raise Mismatch(value, f"a whole number from {self.least} to {self.most}")


@dataclass(frozen=True)
class Number:
    """A finite number, whole or not."""

    least: float = -1e300
    most: float = 1e300

    def check(self, value: object) -> None:
        """See `Kind`."""
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not self.least <= value <= self.most
        ):
            raise Mismatch(value, f"a number from {self.least:g} to {self.most:g}")


@dataclass(frozen=True)
class Flag:
    """True or false."""

    def check(self, value: object) -> None:
        """See `Kind`."""
        if not isinstance(value, bool):
            raise Mismatch(value, "true or false")


@dataclass(frozen=True)
class Maybe:
    """A value of a kind, or null."""

    kind: Kind

    def check(self, value: object) -> None:
        """See `Kind`."""
        if value is not None:
            self.kind.check(value)


@dataclass(frozen=True)
class ListOf:
    """A list whose items are all of one kind."""

    kind: Kind
    most: int = 10_000
    least: int = 0

    def check(self, value: object) -> None:
        """See `Kind`."""
        if not (isinstance(value, list) and self.least <= len(value) <= self.most):
            raise Mismatch(value, f"a list of {self.least} to {self.most} items")
        for number, item in enumerate(value):
            try:
                self.kind.check(item)
            except Mismatch as error:
                raise error.within(f"[{number}]") from None


@dataclass(frozen=True)
class MapOf:
    """A table with any names, whose values are all of one kind."""

    kind: Kind
    most: int = 10_000
    name: Text = Text(1_000)

    def check(self, value: object) -> None:
        """See `Kind`."""
        if not (isinstance(value, dict) and len(value) <= self.most):
            raise Mismatch(value, f"a table of at most {self.most} entries")
        for name, item in value.items():
            try:
                self.name.check(name)
                self.kind.check(item)
            except Mismatch as error:
                raise error.within(f".{name[:SHOWN]}") from None


@dataclass(frozen=True)
class Record:
    """A table whose names are known."""

    needed: Mapping[str, Kind]
    optional: Mapping[str, Kind] = field(default_factory=dict)
    others: Kind | None = None  # of names that are not known; None if there are none
    most: int = 10_000  # entries

    @cached_property
    def _known(self) -> Mapping[str, Kind]:
        return {**self.optional, **self.needed}

    def check(self, value: object) -> None:
        """See `Kind`."""
        if not (isinstance(value, dict) and len(value) <= self.most):
            raise Mismatch(value, f"a table of at most {self.most} entries")
        if lacking := self.needed.keys() - value.keys():
            names = ", ".join(sorted(lacking))
            raise Mismatch(sorted(value), f"a table that also has {names}")
        for name, item in value.items():
            kind = self._known.get(name, self.others)
            if kind is None:
                raise Mismatch(name, f"a name among {', '.join(sorted(self._known))}")
            try:
                kind.check(item)
            except Mismatch as error:
                raise error.within(f".{name[:SHOWN]}") from None


@dataclass(frozen=True)
class Plain:
    """Any value whose lists and tables are nested no deeper than so many levels.

    Numbers are finite, and whole ones fit into 64 bits.
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
            raise Mismatch(value, "a value that is nested so deeply, or so large")
        inner = _inner(self)
        items: Iterable[object] = value.values() if isinstance(value, dict) else value
        for item in items:
            if type(item) is not str:  # as most are in a large file
                inner.check(item)


@lru_cache(maxsize=64)
def _inner(kind: Plain) -> Plain:
    """Return the kind of what such a value holds."""
    return Plain(kind.depth - 1, kind.most)
