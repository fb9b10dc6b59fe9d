"""Marks on the fields of `Settings`: which values a model group shares.

Two kinds of models are trained in groups: regressors, with the autoencoders that are
trained jointly with them, and autoencoders that are trained before a regressor. A field
without a mark is shared by both kinds, so models that differ in it are never in one
group, and none of them takes the value of another.
"""

from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields
from enum import Enum
from functools import lru_cache
from typing import Any, TypeVar

T = TypeVar("T", str, int, float, bool)
KEY = "mark"  # of a field's metadata


class Scope(Enum):
    """What a field is to one kind of model."""

    SHARED = "one value for all models of a group"
    PER_MODEL = "models of one group may differ in it"
    UNUSED = "it does not change the training of this kind of model"


SHARED, PER_MODEL, UNUSED = Scope


@dataclass(frozen=True)
class Mark:
    """What a field is to each kind of model."""

    regressor: Scope = SHARED
    autoencoder: Scope = SHARED  # of one that is trained before the regressor


def setting(default: T, *, regressor: Scope = SHARED, autoencoder: Scope = SHARED) -> T:
    """Declare a field of `Settings` and mark it.

    Args:
        default: value of the field, whose type is that of all its values
        regressor: scope of the field where a regressor is trained
        autoencoder: scope of the field where an autoencoder is trained before it

    Returns:
        a `dataclasses.field`; its type is given as that of the default, as
        `dataclasses.field` gives it
    """
    marked: T = field(default=default, metadata={KEY: Mark(regressor, autoencoder)})
    return marked


def setting_of_rows(default: T) -> T:
    """Declare a field that decides which rows and ratings there are, not a training."""
    return setting(default, regressor=UNUSED, autoencoder=UNUSED)


def mark(of: "Field[Any]") -> Mark:
    """Return the mark of a field; a field without one is shared by both kinds."""
    found: Mark = of.metadata.get(KEY, Mark())
    return found


def names_of_rows(settings: type) -> tuple[str, ...]:
    """Return the names of the fields that no training uses, as they are declared.

    Examples:
        >>> from affuse.fuse.settings import Settings
        >>> names_of_rows(Settings)
        ('protocol', 'folds', 'split_seed', 'out_of_range', 'map')
    """
    return _names(settings, _of_rows)


def shared_by_regressors(settings: object) -> tuple[Any, ...]:
    """Return the values that all regressors of one model group have in common."""
    return _values(settings, _shared_by_regressors)


def shared_by_autoencoders(settings: object) -> tuple[Any, ...]:
    """Return the values that all autoencoders of one model group have in common."""
    return _values(settings, _shared_by_autoencoders)


def decisive_for_autoencoders(settings: object) -> tuple[Any, ...]:
    """Return the values that an autoencoder depends on, which is trained before.

    Regressors for which these values are equal use the same autoencoder.
    """
    return _values(settings, _decisive_for_autoencoders)


def unmarked(settings: object) -> tuple[Any, ...]:
    """Return the values of the fields without a mark: anything may depend on them."""
    return _values(settings, _unmarked)


def _of_rows(of: "Field[Any]") -> bool:
    return mark(of) == Mark(UNUSED, UNUSED)


def _shared_by_regressors(of: "Field[Any]") -> bool:
    return mark(of).regressor is SHARED


def _shared_by_autoencoders(of: "Field[Any]") -> bool:
    return mark(of).autoencoder is SHARED


def _decisive_for_autoencoders(of: "Field[Any]") -> bool:
    return mark(of).autoencoder is not UNUSED


def _unmarked(of: "Field[Any]") -> bool:
    return KEY not in of.metadata


def _values(
    settings: object, wanted: Callable[["Field[Any]"], bool]
) -> tuple[Any, ...]:
    """Return the values of some fields, those of a subclass included."""
    kind: Any = type(settings)
    return tuple(getattr(settings, name) for name in _names(kind, wanted))


@lru_cache(maxsize=64)
def _names(settings: type, wanted: Callable[["Field[Any]"], bool]) -> tuple[str, ...]:
    """Return the names of some fields; kept, for every job asks for them."""
    return tuple(found.name for found in fields(settings) if wanted(found))
