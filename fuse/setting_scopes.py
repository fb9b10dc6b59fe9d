"""Marks on the fields of `Settings`, which state what the models of a group share.

Two kinds of models are trained in groups: regressors with their jointly trained
autoencoders, and pretrained autoencoders. All models of a group, of either kind, have
the same value of a field without a mark. Models that differ in such a field are in
different groups, so that no model takes the value of another.
"""

from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields
from enum import Enum
from functools import lru_cache
from typing import Any, TypeVar

T = TypeVar("T", str, int, float, bool)
KEY = "mark"  # key of the mark in the metadata of a field
ADDED = "added"  # key in the metadata of fields that older runs do not record


class Scope(Enum):
    """Effect of a field on one kind of model."""

    SHARED = "one value for all models of a group"
    PER_MODEL = "models of one group may differ in it"
    UNUSED = "it does not change the training of this kind of model"


SHARED, PER_MODEL, UNUSED = Scope


@dataclass(frozen=True)
class Mark:
    """Effect of a field on each kind of model."""

    regressor: Scope = SHARED
    autoencoder: Scope = SHARED  # for pretrained autoencoders


def setting(default: T, *, regressor: Scope = SHARED, autoencoder: Scope = SHARED) -> T:
    """Return a field of `Settings` with its mark.

    Args:
        default: value of the field; all its values have the same type
        regressor: scope of the field in the training of a regressor
        autoencoder: scope of the field in the pretraining of an autoencoder

    Returns:
        a `dataclasses.field`, annotated with the type of the default as in
        `dataclasses.field` itself
    """
    marked: T = field(default=default, metadata={KEY: Mark(regressor, autoencoder)})
    return marked


def row_setting(default: T) -> T:
    """Return a field that selects rows or ratings and does not affect the training."""
    return setting(default, regressor=UNUSED, autoencoder=UNUSED)


def added_setting(
    default: T, *, regressor: Scope = SHARED, autoencoder: Scope = SHARED
) -> T:
    """Return a field that `recorded` leaves out at its default.

    A setting that was added to the program this way changes no name of an existing run.
    Its default must stay what it is, and mean that the setting has no effect.

    Args:
        default: value of the field without effect
        regressor: as for `setting`
        autoencoder: as for `setting`
    """
    marks = {KEY: Mark(regressor, autoencoder), ADDED: True}
    marked: T = field(default=default, metadata=marks)
    return marked


def recorded(settings: object) -> dict[str, Any]:
    """Return the settings that identify a run, by name in order of declaration.

    Added settings are left out at their default, so that runs that were trained before
    a setting existed keep their names.

    Args:
        settings: a `affuse.fuse.settings.Settings`
    """
    kind: Any = type(settings)
    idle = unrecorded(kind)
    values = {one.name: getattr(settings, one.name) for one in fields(kind)}
    return {
        name: value
        for name, value in values.items()
        if name not in idle or value != idle[name]
    }


@lru_cache(maxsize=64)
def unrecorded(settings: type) -> dict[str, Any]:
    """Return the defaults of added settings, which hold where a run records none.

    Args:
        settings: the class of the settings
    """
    return {f.name: f.default for f in fields(settings) if ADDED in f.metadata}


def mark(of: "Field[Any]") -> Mark:
    """Return the mark of a field; without one, a group shares the field's value."""
    value: Mark = of.metadata.get(KEY, Mark())
    return value


def row_setting_names(settings: type) -> tuple[str, ...]:
    """Return the names of the fields that no training uses, in order of declaration.

    They select rows, columns or ratings, or are settings of baselines.

    Examples:
        >>> from affuse.fuse.settings import Settings
        >>> row_setting_names(Settings)
        ('protocol', 'folds', 'split_seed', 'out_of_range', 'pooling', 'map')
    """
    return _names(settings, _selects_rows)


def shared_regressor_values(settings: object) -> tuple[Any, ...]:
    """Return the values that all regressors of one model group have in common."""
    return _values(settings, _shared_by_regressors)


def shared_autoencoder_values(settings: object) -> tuple[Any, ...]:
    """Return the values that all autoencoders of one model group have in common."""
    return _values(settings, _shared_by_autoencoders)


def values_of_autoencoders(settings: object) -> tuple[Any, ...]:
    """Return the values that a pretrained autoencoder depends on.

    Regressors with equal values use the same autoencoder.
    """
    return _values(settings, _decisive_for_autoencoders)


def unmarked_values(settings: object) -> tuple[Any, ...]:
    """Return the values of the fields without a mark, which may affect any result."""
    return _values(settings, _unmarked)


def _selects_rows(of: "Field[Any]") -> bool:
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
    settings: object, condition: Callable[["Field[Any]"], bool]
) -> tuple[Any, ...]:
    """Return the values of the fields that meet a condition, including a subclass's."""
    kind: Any = type(settings)
    return tuple(getattr(settings, name) for name in _names(kind, condition))


@lru_cache(maxsize=64)
def _names(
    settings: type, condition: Callable[["Field[Any]"], bool]
) -> tuple[str, ...]:
    """Return the names of the fields that meet a condition, cached for all tasks."""
    return tuple(field.name for field in fields(settings) if condition(field))
