"""Unification of spellings of one name, such as ``Anna`` and ``anna``.

Otherwise a protocol that separates speakers would test on a speaker of its training
set, if a table spells the name in two ways.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import Field, replace
from functools import lru_cache
from typing import Any, ClassVar, Protocol, TypeVar

FIELDS = ("speaker", "session", "dialogue")  # names that protocols and rules compare


class NamedRow(Protocol):
    """Dataclass with the names that protocols compare, such as an utterance."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def speaker(self) -> str:
        """Name of the speaker; "" if it is unknown."""

    @property
    def session(self) -> str:
        """Name of the session; "" if it is unknown."""

    @property
    def dialogue(self) -> str:
        """Name of the dialogue; "" if it is unknown."""


Row = TypeVar("Row", bound=NamedRow)


@lru_cache(maxsize=16_384)  # most names of a corpus are repeated thousands of times
def spelling(name: str) -> str:
    """Return a normal form that all spellings of a name share; "" for a blank name.

    It ignores case, compatibility forms of Unicode (NFKC, such as full-width letters)
    and invisible characters (category Cf, such as a zero-width space). White space of
    any kind and length becomes one blank, and is removed around the name.

    Args:
        name: in any spelling

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
    # Folding case may change a string that was in normal form, so normalise again.
    return " ".join(unicodedata.normalize("NFKC", composed.casefold()).split())


def variants(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the names that occur in several spellings.

    Args:
        names: with repetitions, one for each occurrence

    Returns:
        {most frequent spelling: all spellings, sorted}
    """
    counts: dict[str, Counter[str]] = {}
    for name, count in Counter(names).items():
        counts.setdefault(spelling(name), Counter())[name] = count
    counts.pop("", None)
    several = (tally for tally in counts.values() if len(tally) > 1)
    return {
        min(tally, key=lambda name: (-tally[name], name)): tuple(sorted(tally))
        for tally in several
    }


def unify(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Return the rows with one spelling for each speaker, session and dialogue.

    The most frequent spelling replaces the others. A name with one spelling is not
    changed.

    Args:
        rows: such as the utterances of a corpus
    """
    substitutes = {
        field: _substitutes(getattr(row, field) for row in rows) for field in FIELDS
    }
    if not any(substitutes.values()):
        return tuple(rows)
    return tuple(_unified(row, substitutes) for row in rows)


def unify_names(names: Mapping[str, str]) -> dict[str, str]:
    """Return a mapping with one spelling for each name; "" for a blank name.

    Args:
        names: by any keys, which are those of the result
    """
    substitutes = _substitutes(names.values())
    return {k: substitutes.get(n, n) if spelling(n) else "" for k, n in names.items()}


def _substitutes(names: Iterable[str]) -> dict[str, str]:
    """Return {spelling: most frequent spelling of that name}, where the two differ."""
    return {
        other: frequent
        for frequent, spellings in variants(names).items()
        for other in spellings
        if other != frequent
    }


def _unified(row: Row, substitutes: Mapping[str, Mapping[str, str]]) -> Row:
    """Return a row whose names are replaced; the same object if none is."""
    changes: dict[str, Any] = {
        field: names[getattr(row, field)]
        for field, names in substitutes.items()
        if getattr(row, field) in names
    }
    return replace(row, **changes) if changes else row
