"""Conditions of a robustness test: a degradation and its value, as a user types them.

A condition is written as ``NAME`` or ``NAME:VALUE``, such as ``telephone`` or
``noise:10``. It is a field of the recipe of degraded embeddings.
"""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from affuse.data import plugins
from affuse.data.errors import AffuseError, OptionError
from affuse.data.installed_plugins import PluginError
from affuse.data.plugin_kinds import DEGRADATION_KIND
from affuse.data.suggestions import hint
from affuse.extract.degradations.degradation_record import Degradation

RECOGNISED = "recognised"  # name of the condition with recognised transcripts
MARK = " revision "  # before the revision of a degradation above 1 in a recipe


@dataclass(frozen=True)
class Condition:
    """Degradation of one modality, with its value.

    Examples:
        >>> Condition("noise", 10.0).text, Condition("telephone").text
        ('noise:10', 'telephone')
    """

    name: str  # of a plug-in in extract/degradations
    value: float | None = None  # None for a degradation without a value

    @cached_property
    def degradation(self) -> Degradation:
        """Record of the plug-in."""
        return degradation_named(self.name)

    @property
    def text(self) -> str:
        """Condition as a user types it."""
        return self.name if self.value is None else f"{self.name}:{self.value:g}"

    @property
    def identity(self) -> str:
        """Condition in a recipe, with the revision of its degradation if above 1."""
        revision = self.degradation.revision
        return self.text if revision == 1 else f"{self.text}{MARK}{revision}"

    @property
    def label(self) -> str:
        """Condition in a table, with the unit of its value.

        Examples:
            >>> Condition("noise", 10.0).label
            'noise 10 dB SNR'
        """
        if self.value is None:
            return self.name
        return f"{self.name} {self.value:g} {self.degradation.unit}"

    def generator(self, key: str) -> np.random.Generator:
        """Return the random generator of one input, which depends on nothing else.

        Args:
            key: digest of a recording, or id of an utterance
        """
        seed = hashlib.sha256(f"{self.identity}\n{key}".encode()).digest()
        return np.random.default_rng(int.from_bytes(seed[:16], "big"))


def degradation_named(name: str) -> Degradation:
    """Return the record of a degradation.

    Args:
        name: of a plug-in

    Raises:
        AffuseError: if there is no such plug-in
        PluginError: if the plug-in defines no record
    """
    record = getattr(plugins.load(DEGRADATION_KIND, name), "DEGRADATION", None)
    if not isinstance(record, Degradation):
        raise PluginError(
            f"the degradation '{name}' lacks its record: its file must hold "
            f"DEGRADATION = Degradation(...)"
        )
    return record


def parse_condition(text: str) -> Condition:
    """Return the condition that a user typed.

    Args:
        text: such as ``noise:10`` or ``telephone``

    Raises:
        OptionError: if there is no such degradation, or the value is missing, not a
            number, out of range, or not expected

    Examples:
        >>> parse_condition("reverberation:0.5").label
        'reverberation 0.5 s'
    """
    name, mark, rest = text.strip().partition(":")
    names = plugins.names(DEGRADATION_KIND)
    if name not in names:
        choices = [*names, RECOGNISED]
        raise OptionError(
            f"--condition {text}: there is no degradation {name!r}; choose from "
            f"{', '.join(choices)}{hint(name, choices)}"
        )
    kind = degradation_named(name)
    if not kind.unit:
        if mark:
            raise OptionError(
                f"--condition {text}: {name} takes no value; leave it out"
            )
        return Condition(name)
    value = _number(rest)
    if not kind.permits(value):  # also if it is no number
        example = kind.values[0] if kind.values else kind.most
        raise OptionError(
            f"--condition {text}: {name} needs a value in {kind.unit} "
            f"{kind.permitted}, as in {name}:{example:g}"
        )
    # As it stands in a recipe; the sum turns -0 into 0.
    return Condition(name, float(f"{value:g}") + 0.0)


def parse_identity(identity: str) -> Condition:
    """Return the condition in a recipe.

    Args:
        identity: of a condition

    Raises:
        AffuseError: if this version does not have the degradation, or not this revision
    """
    condition = parse_condition(identity.partition(MARK)[0])
    if condition.identity != identity:
        raise AffuseError(
            f"this version has another revision of the degradation {identity!r}: "
            f"{condition.identity!r}"
        )
    return condition


def default_conditions(modality: str) -> Iterator[Condition]:
    """Yield the conditions that `robustness` measures if the user names none.

    Args:
        modality: "audio" or "text"
    """
    for name, module in plugins.load_all(DEGRADATION_KIND):
        kind: Degradation = module.DEGRADATION
        if kind.modality == modality:
            if kind.is_default and not kind.unit:
                yield Condition(name)
            yield from (Condition(name, value) for value in kind.values)


def _number(text: str) -> float:
    """Return the number in a text; NaN if it is none.

    Examples:
        >>> _number("10"), _number("")
        (10.0, nan)
    """
    try:
        return float(text)
    except ValueError:
        return math.nan
