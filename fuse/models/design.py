"""Record of a fusion design: its class, and the properties that the class declares.

A design is a file in fuse/models/designs, a module of an installed package, a
user's file, or a class. Its properties are attributes of the class or of its module:
``MODALITIES``, and where they apply ``TOKENS``, ``TOLERANT`` and ``EXTRA_SETTINGS``.
They are read once, when a `Design` is created: in a notebook, which is a single module,
a later cell may define the same names again.
"""

import sys
from dataclasses import dataclass, fields
from types import ModuleType
from typing import Any

from torch import nn

from affuse.data.errors import AffuseError
from affuse.data.plugin_kinds import DESIGN_KIND
from affuse.data.plugins import load
from affuse.fuse.settings import Settings

FACTS = ("MODALITIES", "TOKENS", "TOLERANT", "EXTRA_SETTINGS")


@dataclass(frozen=True, init=False)
class Design:
    """Class that fuses modalities, with its declared properties.

    Attributes:
        Fusion: the class, see fuse/models/designs for examples
        modalities: names of the modalities that it takes
        tokens: True if it takes one code for each layer of an encoder, rather than one
        tolerant: True if it can predict where one of its modalities is missing
        extra_settings: names of settings that the class takes as arguments, in addition
            to ``hidden`` and ``dropout``

    Examples:
        >>> class Sum(nn.Module):
        ...     MODALITIES = ("audio", "text")
        >>> Design(Sum).modalities, Design(Sum, modalities=["text"]).modalities
        (('audio', 'text'), ('text',))
    """

    Fusion: type[nn.Module]
    modalities: tuple[str, ...]
    tokens: bool
    tolerant: bool
    extra_settings: tuple[str, ...]

    def __init__(
        self,
        Fusion: type[nn.Module],
        modalities: tuple[str, ...] | list[str] | None = None,
        tokens: bool | None = None,
        tolerant: bool | None = None,
        extra_settings: tuple[str, ...] | None = None,
    ):
        """Read the properties that are not passed as arguments; see `Design`.

        Raises:
            AffuseError: if it is not a class, or a property is missing, invalid or
                ambiguous
        """
        if not isinstance(Fusion, type):
            raise AffuseError(
                f"fusion={Fusion!r}: give the name of a design, or a class with "
                f"MODALITIES inside it, e.g. MODALITIES = ('audio', 'text')"
            )
        facts = (modalities, tokens, tolerant, extra_settings)
        named = dict(zip(FACTS, facts, strict=True))
        arguments = {name: value for name, value in named.items() if value is not None}
        declared = _class_facts(Fusion, arguments=arguments)
        self._set_fields(Fusion, {**declared, **arguments})

    @classmethod
    def of(cls, module: ModuleType) -> "Design":
        """Return the design of a module, which declares the properties of one class.

        Args:
            module: defines ``Fusion`` and its properties

        Raises:
            AffuseError: if ``Fusion`` is not a class of `torch.nn.Module`, or its
                properties are missing or wrong
        """
        fusion = module.Fusion
        if not (isinstance(fusion, type) and issubclass(fusion, nn.Module)):
            raise AffuseError(
                f"Fusion of {module.__name__} is {fusion!r}; it must be a class that "
                f"is derived from torch.nn.Module"
            )
        facts = {**_facts(module), **_facts(module.Fusion)}
        design = cls.__new__(cls)
        design._set_fields(module.Fusion, facts)
        return design

    def _set_fields(self, fusion: type[nn.Module], facts: dict[str, Any]) -> None:
        """Set the fields, which a frozen record does not allow by assignment."""
        for name, value in (
            ("Fusion", fusion),
            ("modalities", _names(fusion, facts.get("MODALITIES"))),
            ("tokens", bool(facts.get("TOKENS", False))),
            ("tolerant", bool(facts.get("TOLERANT", False))),
            ("extra_settings", _settings(fusion, facts.get("EXTRA_SETTINGS", ()))),
        ):
            object.__setattr__(self, name, value)


def find(fusion: str | type[nn.Module] | Design) -> Design:
    """Return the design of a name or class; a `Design` is returned unchanged.

    Args:
        fusion: name, class or record of the design

    Raises:
        AffuseError: if no design has that name, and the message lists the choices; or
            if a class does not declare its modalities
    """
    if isinstance(fusion, str):
        return Design.of(load(DESIGN_KIND, fusion))
    return fusion if isinstance(fusion, Design) else Design(fusion)


def _facts(place: object) -> dict[str, Any]:
    """Return the properties that a class with its bases, or a module, declares."""
    return {name: getattr(place, name) for name in FACTS if hasattr(place, name)}


def _class_facts(
    fusion: type[nn.Module], *, arguments: dict[str, Any]
) -> dict[str, Any]:
    """Return the properties inside a class, or else those of its module.

    Raises:
        AffuseError: if some are inside the class and others are not: names in the
            module may belong to another class
    """
    inside = _facts(fusion)
    beside = _facts(sys.modules.get(fusion.__module__))
    if "MODALITIES" not in {**inside, **arguments}:
        return {**beside, **inside}
    missing = [n for n, v in beside.items() if v and n not in {**inside, **arguments}]
    if missing:
        raise AffuseError(
            f"{fusion!r} states MODALITIES, but {', '.join(missing)} stands beside it "
            f"in {fusion.__module__} and may be meant for another class; write "
            f"{missing[0]} inside the class, "
            f"{'() or names' if missing[0] == FACTS[-1] else 'True or False'}"
        )
    return inside


def _settings(fusion: type[nn.Module], value: Any) -> tuple[str, ...]:
    """Return the names of additional settings after a check.

    Raises:
        AffuseError: if they are not a tuple or list of names of settings
    """
    names = [field.name for field in fields(Settings)]
    if not isinstance(value, tuple | list) or not set(value) <= set(names):
        raise AffuseError(
            f"EXTRA_SETTINGS of {fusion!r} are {value!r}; they must be names of "
            f"settings in a tuple, e.g. ('late_activation',); known are "
            f"{', '.join(names)}"
        )
    return tuple(value)


def _names(fusion: type[nn.Module], value: Any) -> tuple[str, ...]:
    """Return the modalities after a check.

    Raises:
        AffuseError: if there are none, or they are not a tuple or list of names
    """
    name = fusion.__name__
    if value is None:
        raise AffuseError(
            f"no MODALITIES of {fusion!r} can be found, neither inside the class nor "
            f"in its module {fusion.__module__}; write them inside the class, e.g. "
            f"MODALITIES = ('audio', 'text'), or pass "
            f"fusion=Design({name}, modalities=('audio', 'text'))"
        )
    listed = isinstance(value, tuple | list) and all(isinstance(m, str) for m in value)
    if not listed or not value or len(set(value)) < len(value):
        raise AffuseError(
            f"MODALITIES of {fusion!r} are {value!r}; they must be different names in "
            f"a tuple, e.g. ('audio', 'text') or ('text',)"
        )
    return tuple(value)
