"""Spellings of one name: ``Anna``, ``anna`` and what looks the same in Unicode.

A protocol that keeps speakers apart would otherwise test on a speaker that it trained
on, because a table spells the name in two ways.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import Field, replace
from typing import Any, ClassVar, Protocol, TypeVar

FIELDS = ("speaker", "session", "dialogue")  # that protocols and rules compare


class NamedRow(Protocol):
    """A dataclass with the names that protocols compare, such as an utterance."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def speaker(self) -> str:
        """Return the name of the speaker; "" if it is unknown."""

    @property
    def session(self) -> str:
        """Return the name of the session; "" if it is unknown."""

    @property
    def dialogue(self) -> str:
        """Return the name of the dialogue; "" if it is unknown."""


Row = TypeVar("Row", bound=NamedRow)


def spelling(name: str) -> str:
    """Return the same for all spellings of a name; "" for blanks.

    Case, compatibility forms of Unicode (NFKC, such as full-width letters) and
    characters that are not seen (category Cf, such as a zero-width space) do not count.
    White space of any kind and length is one blank, and none around the name.

    Examples:
        >>> spelling(" Anna") == spelling("anna"), spelling("Jose\\u0301") == spelling(
        ...     "JOS\\u00c9"
        ... )
        (True, True)
        >>> spelling("\\uff21nna\\u200b  B") == spelling("Anna B")
        True
    """
    visible = "".join(c for c in name if unicodedata.category(c) != "Cf")
    composed = unicodedata.normalize("NFKC", visible)
    # folding case may take a name out of its normal form
    return " ".join(unicodedata.normalize("NFKC", composed.casefold()).split())


def variants(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the names that have several spellings.

    Args:
        names: each as often as it stands there

    Returns:
        {the most frequent spelling: all spellings, sorted}
    """
    counts: dict[str, Counter[str]] = {}
    for name, count in Counter(names).items():
        counts.setdefault(spelling(name), Counter())[name] = count
    counts.pop("", None)
    several = (found for found in counts.values() if len(found) > 1)
    return {
        min(found, key=lambda name: (-found[name], name)): tuple(sorted(found))
        for found in several
    }


def unify(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Return the rows with one spelling for each speaker, session and dialogue.

    The most frequent spelling stands for the others. A name that is spelt in one way
    stays as it is.
    """
    chosen = {field: _chosen(getattr(row, field) for row in rows) for field in FIELDS}
    if not any(chosen.values()):
        return tuple(rows)
    return tuple(_unified(row, chosen) for row in rows)


def unified(names: Mapping[str, str]) -> dict[str, str]:
    """Return names by the same keys, with one spelling for each; "" for blanks."""
    chosen = _chosen(names.values())
    return {k: chosen.get(n, n) if spelling(n) else "" for k, n in names.items()}


def _chosen(names: Iterable[str]) -> dict[str, str]:
    """Return {a spelling: the one that stands for it}, where they differ."""
    found = variants(names).items()
    return {each: one for one, every in found for each in every if each != one}


def _unified(row: Row, chosen: Mapping[str, Mapping[str, str]]) -> Row:
    changes: dict[str, Any] = {
        field: names[getattr(row, field)]
        for field, names in chosen.items()
        if getattr(row, field) in names
    }
    return replace(row, **changes) if changes else row
