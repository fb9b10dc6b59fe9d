"""Errors for values of a file that its schema (`affuse.data.system.schema`) refuses."""

from affuse.data.errors import DamagedFileError
from affuse.data.terminal import printable

SHOWN = 60  # characters of a value in an error


class Mismatch(DamagedFileError):
    """Error for a value whose kind differs from that in the schema.

    Args:
        value: from the file
        expected: description of the kind
        place: names and indices that lead to the value, the innermost first
    """

    def __init__(self, value: object, expected: str, *place: str):
        super().__init__(value, expected, *place)
        self.value, self.expected, self.place = value, expected, place

    def __str__(self) -> str:
        """Return ``encoders.audio.layers[0] is 'x', not a whole number ...``."""
        name = self._name() or "its content"
        return f"{name} is {shown(self.value)}, not {self.expected}"

    def within(self, place: str) -> "Mismatch":
        """Return the same error for a value inside a list or a table."""
        return type(self)(self.value, self.expected, *self.place, place)

    def _name(self) -> str:
        """Return the place of the value, such as ``audio.layers[0]``; "" for a file."""
        return printable("".join(reversed(self.place)).removeprefix("."))[:200]


class MissingEntries(Mismatch):
    """Error for a table without some entries; `expected` names them."""

    def __str__(self) -> str:
        """Return ``encoders[0] lacks weights``."""
        return f"{self._name() or 'it'} lacks {self.expected}"


class UnknownEntry(Mismatch):
    """Error for a table with an entry of another name; `expected` lists the names."""

    def __str__(self) -> str:
        """Return ``encoders[0] has an unknown entry 'x' (known: ...)``."""
        return (
            f"{self._name() or 'it'} has an unknown entry {shown(self.value)} (known "
            f"entries: {self.expected}), perhaps of a newer version"
        )


def shown(value: object) -> str:
    """Return the beginning of a value's repr, for an error message."""
    try:
        return printable(repr(value)[:SHOWN])
    except (ValueError, RecursionError):  # a number with very many digits, or nesting
        return f"a {type(value).__name__} that is too large to show"
