"""A fusion design as a record: its class, and the facts that it states about itself.

A design is a file in fuse/models/designs, a module of an installed package, a file or
a class of the user's. The facts are attributes of the class, or stand beside it in its
module: ``MODALITIES``, and where they apply ``TOKENS``, ``TOLERANT`` and
``EXTRA_SETTINGS``. They are read once, when a `Design` is created, because a notebook
is a single module, and any later cell may define its names again.
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
    """A class that fuses modalities, and what it takes.

    Attributes:
        Fusion: the class, see fuse/models/designs for examples
        modalities: names of the modalities that it takes
        tokens: whether it takes a code of each layer of an encoder, not one code
        tolerant: whether it can predict where one of its modalities is missing
        extra_settings: names of the settings that its class takes as arguments beside
            ``hidden`` and ``dropout``; designs that do not name one never get it

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
        """Read the facts that are not given; see `Design`.

        Raises:
            AffuseError: if it is no class, or a fact is not stated, or is stated in a
                way that leaves it open
        """
        if not isinstance(Fusion, type):
            raise AffuseError(
                f"fusion={Fusion!r}: give the name of a design, or a class with "
                f"MODALITIES inside it, e.g. MODALITIES = ('audio', 'text')"
            )
        facts = (modalities, tokens, tolerant, extra_settings)
        given = dict(zip(FACTS, facts, strict=True))
        found = {name: value for name, value in given.items() if value is not None}
        self._keep(Fusion, {**_stated(Fusion, given=found), **found})

    @classmethod
    def of(cls, module: ModuleType) -> "Design":
        """Return the design of a file, which states the facts of one class only."""
        facts = {**_facts(module), **_facts(module.Fusion)}
        design = cls.__new__(cls)
        design._keep(module.Fusion, facts)
        return design

    def _keep(self, fusion: type[nn.Module], facts: dict[str, Any]) -> None:
        """Set the fields, as a frozen record has to."""
        for name, value in (
            ("Fusion", fusion),
            ("modalities", _names(fusion, facts.get("MODALITIES"))),
            ("tokens", bool(facts.get("TOKENS", False))),
            ("tolerant", bool(facts.get("TOLERANT", False))),
            ("extra_settings", _settings(fusion, facts.get("EXTRA_SETTINGS", ()))),
        ):
            object.__setattr__(self, name, value)


def find(fusion: str | type[nn.Module] | Design) -> Design:
    """Return the design of that name or class, or the design as it is.

    Raises:
        AffuseError: if there is none of that name; the sentence lists the choices.
            If a class does not state its modalities
    """
    if isinstance(fusion, str):
        return Design.of(load(DESIGN_KIND, fusion))
    return fusion if isinstance(fusion, Design) else Design(fusion)


def _facts(place: object) -> dict[str, Any]:
    """Return the facts that a class, its bases included, or a module states."""
    return {name: getattr(place, name) for name in FACTS if hasattr(place, name)}


def _stated(fusion: type[nn.Module], *, given: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of a class: those inside it, else those of its module.

    Raises:
        AffuseError: if some are inside the class and others are not: names beside it
            may be those of another class
    """
    inside = _facts(fusion)
    beside = _facts(sys.modules.get(fusion.__module__))
    if "MODALITIES" not in {**inside, **given}:
        return {**beside, **inside}
    missing = [n for n, v in beside.items() if v and n not in {**inside, **given}]
    if missing:
        raise AffuseError(
            f"{fusion!r} states MODALITIES, but {', '.join(missing)} stands beside it "
            f"in {fusion.__module__} and may be meant for another class; write "
            f"{missing[0]} inside the class, "
            f"{'() or names' if missing[0] == FACTS[-1] else 'True or False'}"
        )
    return inside


def _settings(fusion: type[nn.Module], found: Any) -> tuple[str, ...]:
    """Return the names of further settings, checked.

    Raises:
        AffuseError: if they are not names of settings in a tuple
    """
    known = [field.name for field in fields(Settings)]
    if not isinstance(found, tuple | list) or not set(found) <= set(known):
        raise AffuseError(
            f"EXTRA_SETTINGS of {fusion!r} are {found!r}; they must be names of "
            f"settings in a tuple, e.g. ('late_activation',); known are "
            f"{', '.join(known)}"
        )
    return tuple(found)


def _names(fusion: type[nn.Module], found: Any) -> tuple[str, ...]:
    """Return the modalities, checked.

    Raises:
        AffuseError: if there are none, or they are not names
    """
    name = fusion.__name__
    if found is None:
        raise AffuseError(
            f"no MODALITIES of {fusion!r} can be found, neither inside the class nor "
            f"in its module {fusion.__module__}; write them inside the class, e.g. "
            f"MODALITIES = ('audio', 'text'), or pass "
            f"fusion=Design({name}, modalities=('audio', 'text'))"
        )
    listed = isinstance(found, tuple | list) and all(isinstance(m, str) for m in found)
    if not listed or not found or len(set(found)) < len(found):
        raise AffuseError(
            f"MODALITIES of {fusion!r} are {found!r}; they must be different names in "
            f"a tuple, e.g. ('audio', 'text') or ('text',)"
        )
    return tuple(found)
