"""Parsers of the settings ``layers`` and ``pooling``, and of their choices.

A choice may be that of a modality, or of one encoder of a modality.
"""

from collections.abc import Callable, Mapping

from affuse.data.errors import AffuseError
from affuse.data.modality import is_modality, modality_names
from affuse.data.suggestions import hint
from affuse.data.system.mismatches import shown

EVERY_LAYER = ("all", "concat", "weighted")  # values of `layers`; concat means all
LAYER_WORDS = (*EVERY_LAYER, "last")
STATISTICS = ("mean", "mean+std")
MARK = ":"  # between a modality and the name of one of its encoders
IsNamed = Callable[[str], bool]  # returns True if a name is that of an encoder


def layer_choice(value: str, modality: str, is_named: IsNamed | None = None) -> str:
    """Return the layers that the setting ``layers`` chooses for an encoder.

    Args:
        value: of the setting
        modality: of the encoder
        is_named: returns True for names of the encoder; None for an encoder that no
            name selects

    Raises:
        AffuseError: if two names of the encoder have different choices

    Examples:
        >>> layer_choice("audio=0,6,text=last", "audio")
        '0,6'
        >>> layer_choice("text=last", "audio"), layer_choice("weighted", "audio")
        ('all', 'weighted')
        >>> layer_choice("last,audio:mini=0,6", "audio", "mini".__eq__)
        '0,6'
    """
    return _chosen("layers", value, modality, is_named) or "all"


def pooling_choice(value: str, modality: str, is_named: IsNamed | None = None) -> str:
    """Return the statistics that the setting ``pooling`` chooses for an encoder.

    Args:
        value: of the setting
        modality: of the encoder
        is_named: as for `layer_choice`

    Raises:
        AffuseError: if two names of the encoder have different choices

    Examples:
        >>> pooling_choice("text=mean", "text"), pooling_choice("text=mean", "audio")
        ('mean', 'mean+std')
    """
    return _chosen("pooling", value, modality, is_named) or STATISTICS[-1]


def encoder_names(value: str, modality: str) -> tuple[str, ...]:
    """Return the names of the encoders of a modality that have choices of their own.

    Args:
        value: of the setting ``layers`` or ``pooling``
        modality: its name

    Examples:
        >>> encoder_names("last,audio:mini=0,6,audio:other=all", "audio")
        ('mini', 'other')
    """
    return tuple(
        encoder
        for name, encoder in map(_divided, _by_name(value))
        if encoder and name == modality
    )


def choices(value: str, modality: str) -> tuple[str, ...]:
    """Return each choice that a setting states for a modality or for its encoders.

    Args:
        value: of the setting ``layers`` or ``pooling``
        modality: its name

    Examples:
        >>> choices("last,audio:mini=0,6,text=all", "audio")
        ('last', '0,6')
    """
    found = _by_name(value)
    common = [found[name] for name in (modality, "") if name in found][:1]
    own = [found[f"{modality}{MARK}{name}"] for name in encoder_names(value, modality)]
    return (*common, *own)


def _chosen(setting: str, value: str, modality: str, is_named: IsNamed | None) -> str:
    """Return the choice for an encoder; "" without one."""
    found = _by_name(value)
    names = encoder_names(value, modality) if is_named else ()
    own = {n: found[f"{modality}{MARK}{n}"] for n in names if is_named and is_named(n)}
    if len({*own.values()}) > 1:
        raise AffuseError(
            f"{setting}={value}: {' and '.join(own)} name the same {modality} encoder, "
            f"with different choices; leave one of them out"
        )
    return next(iter(own.values()), found.get(modality, found.get("", "")))


def _by_name(value: str) -> dict[str, str]:
    """Return the choice of each modality and encoder, and under "" that of all others.

    The name of an encoder follows that of its modality and `MARK`.
    """
    found: dict[str, str] = {}
    name = ""
    for word in value.split(","):
        before, mark, rest = word.partition("=")
        name, word = (before, rest) if mark else (name, word)
        found[name] = f"{found[name]},{word}" if name in found else word
    return found


def _divided(name: str) -> tuple[str, str]:
    """Return the modality and the encoder of a name; "" for no encoder."""
    modality, _, encoder = name.partition(MARK)
    return modality, encoder


def demand_layers(value: str) -> None:
    """Raise an error if `layers` is neither a word nor numbers, for each name.

    Args:
        value: of the setting

    Raises:
        AffuseError: naming the allowed values
    """
    found = _by_name(value)
    for name, chosen in found.items():
        numbers = all(word.isdecimal() and word.isascii() for word in chosen.split(","))
        if chosen == "weighted" and name:
            raise AffuseError(
                f"layers={value}: weighted cannot be chosen for {name} alone, because "
                f"one network mixes the layers of all encoders; use layers=weighted, "
                f"which mixes those of each encoder apart, or choose layers for {name}"
            )
        if not (numbers or chosen in LAYER_WORDS):
            raise AffuseError(
                f"layers must be all, weighted, last or numbers such as 0,6,12, or "
                f"name modalities or encoders as in audio=0,6,text=last or "
                f"audio:mini=last (without weighted); got "
                f"{shown(value)}{hint(chosen, LAYER_WORDS)}"
            )
    _demand_names("layers", found, value)


def demand_pooling(value: str) -> None:
    """Raise an error if `pooling` chooses no statistics, for each name.

    Args:
        value: of the setting

    Raises:
        AffuseError: naming the allowed values
    """
    found = _by_name(value)
    if not {*found.values()} <= {*STATISTICS}:
        raise AffuseError(
            f"pooling must be mean or mean+std, or name modalities or encoders as in "
            f"audio=mean+std,text=mean or audio:mini=mean; got "
            f"{shown(value)}{hint(value, STATISTICS)}"
        )
    _demand_names("pooling", found, value)


def _demand_names(setting: str, found: Mapping[str, str], value: str) -> None:
    """Raise an error if a choice names no modality, or no encoder behind the mark."""
    for name, chosen in found.items():
        modality, encoder = _divided(name)
        if name and not is_modality(modality):
            names = ", ".join(modality_names())
            raise AffuseError(
                f"{setting}={value}: there is no modality {modality!r}; choose from "
                f"{names}{hint(modality, modality_names())}; an encoder is named "
                f"behind its modality, as in audio{MARK}mini={chosen}"
            )
        if MARK in name and not encoder:
            raise AffuseError(
                f"{setting}={value}: {name!r} names no encoder; write one as in "
                f"audio{MARK}mini={chosen}, or leave out {MARK!r}"
            )
