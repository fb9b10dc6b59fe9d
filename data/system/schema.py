"""Kinds of values in JSON and TOML files: types, ranges, sizes and depth.

A kind checks one value. `Record` and its siblings check what they hold in turn, so a
description reads as the file does, and a reader may rely on every type in it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NoReturn, Protocol

from data.errors import DamagedFileError
from data.utterance import printable

BITS = 64  # of a whole number


class Kind(Protocol):
    """Describes one value of a JSON file."""

    def check(self, value: object, where: str) -> None:
        """Raise `Mismatch` if the value is of another kind.

        Args:
            value: as JSON gave it
            where: its place in the file, such as ``encoders.audio.layers``
        """


class Mismatch(DamagedFileError):
    """A value is of another kind than its file describes."""


def _refuse(value: object, where: str, wanted: str) -> NoReturn:
    raise Mismatch(f"{where or 'it'} is {shown(value)}, not {wanted}")


def shown(value: object) -> str:
    """Return the beginning of a value as Python writes it, for a sentence."""
    try:
        return printable(repr(value)[:60])
    except (ValueError, RecursionError):  # a number of very many digits, or nested
        return f"a {type(value).__name__} that is too large to show"


@dataclass(frozen=True)
class Text:
    """A string of bounded length."""

    most: int = 10_000  # characters
    least: int = 0

    def check(self, value: object, where: str) -> None:
        """See `Kind`."""
        if not (isinstance(value, str) and self.least <= len(value) <= self.most):
            _refuse(value, where, f"a text of {self.least} to {self.most} characters")


@dataclass(frozen=True)
class OneOf:
    """One of several values."""

    values: tuple[object, ...]

    def check(self, value: object, where: str) -> None:
        """See `Kind`."""
        if not any(type(value) is type(v) and value == v for v in self.values):
            _refuse(value, where, f"one of {', '.join(map(repr, self.values))}")


@dataclass(frozen=True)
class Whole:
    """A whole number in a range; true and false are none."""

    least: int = 0
    most: int = 2**63 - 1

    def check(self, value: object, where: str) -> None:
        """See `Kind`."""
        if type(value) is not int or not self.least <= value <= self.most:
            _refuse(value, where, f"a whole number from {self.least} to {self.most}")


@dataclass(frozen=True)
class Number:
    """A finite number, whole or not."""

    least: float = -1e300
    most: float = 1e300

    def check(self, value: object, where: str) -> None:
        """See `Kind`."""
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not self.least <= value <= self.most
        ):
            _refuse(value, where, f"a number from {self.least:g} to {self.most:g}")


@dataclass(frozen=True)
class Flag:
    """True or false."""

    def check(self, value: object, where: str) -> None:
        """See `Kind`."""
        if not isinstance(value, bool):
            _refuse(value, where, "true or false")


@dataclass(frozen=True)
class Maybe:
    """A value of a kind, or null."""

    kind: Kind

    def check(self, value: object, where: str) -> None:
        """See `Kind`."""
        if value is not None:
            self.kind.check(value, where)


@dataclass(frozen=True)
class ListOf:
    """A list whose items are all of one kind."""

    kind: Kind
    most: int = 10_000
    least: int = 0

    def check(self, value: object, where: str) -> None:
        """See `Kind`."""
        if not (isinstance(value, list) and self.least <= len(value) <= self.most):
            _refuse(value, where, f"a list of {self.least} to {self.most} items")
        for number, item in enumerate(value):
            self.kind.check(item, f"{where}[{number}]")


@dataclass(frozen=True)
class MapOf:
    """A table with any names, whose values are all of one kind."""

    kind: Kind
    most: int = 10_000
    name: Text = Text(1_000)

    def check(self, value: object, where: str) -> None:
        """See `Kind`."""
        if not (isinstance(value, dict) and len(value) <= self.most):
            _refuse(value, where, f"a table of at most {self.most} entries")
        for name, item in value.items():
            self.name.check(name, f"a name in {where or 'it'}")
            self.kind.check(item, f"{where}.{printable(name)[:60]}".removeprefix("."))


@dataclass(frozen=True)
class Record:
    """A table whose names are known."""

    needed: Mapping[str, Kind]
    optional: Mapping[str, Kind] = field(default_factory=dict)
    others: Kind | None = None  # of names that are not known; None if there are none

    def check(self, value: object, where: str) -> None:
        """See `Kind`."""
        if not isinstance(value, dict):
            _refuse(value, where, "a table")
        if lacking := [name for name in self.needed if name not in value]:
            raise Mismatch(f"{where or 'it'} lacks {', '.join(map(repr, lacking))}")
        known = {**self.needed, **self.optional}
        if len(value) > len(known) + 1_000:
            _refuse(len(value), f"the size of {where or 'it'}", "a table of this kind")
        for name, item in value.items():
            kind = known.get(name, self.others)
            if kind is None:
                _refuse(name, f"a name in {where or 'it'}", f"one of {sorted(known)}")
            kind.check(item, f"{where}.{printable(name)[:60]}".removeprefix("."))


@dataclass(frozen=True)
class Plain:
    """Any value whose lists and tables are nested no deeper than so many levels.

    Numbers are finite, and whole ones fit into 64 bits.
    """

    depth: int = 3
    most: int = 10_000  # entries of one list or table

    def check(self, value: object, where: str) -> None:
        """See `Kind`."""
        if isinstance(value, float) and not math.isfinite(value):
            _refuse(value, where, "a finite number")
        if isinstance(value, int) and value.bit_length() > BITS:
            _refuse(value, where, f"a number of at most {BITS} bits")
        if isinstance(value, dict | list):
            self._check_items(value, where)
        elif not isinstance(value, str | int | float | None):
            _refuse(value, where, "a text or a number")

    def _check_items(
        self, value: Mapping[str, object] | list[object], where: str
    ) -> None:
        if self.depth < 1 or len(value) > self.most:
            _refuse(value, where, "a value that is nested so deeply, or so large")
        inner = _inner(self)
        for item in value.values() if isinstance(value, Mapping) else value:
            if type(item) is not str:  # as most are in a large file
                inner.check(item, where)


@lru_cache(maxsize=64)
def _inner(kind: Plain) -> Plain:
    """Return the kind of what such a value holds."""
    return Plain(kind.depth - 1, kind.most)
