"""Parsers of the settings ``layers`` and ``pooling``, which may differ by modality."""

from collections.abc import Mapping

from affuse.data.errors import AffuseError
from affuse.data.modality import is_modality, modality_names
from affuse.data.suggestions import hint
from affuse.data.system.schema import shown

EVERY_LAYER = ("all", "concat", "weighted")  # values of `layers`; concat means all
LAYER_WORDS = (*EVERY_LAYER, "last")
STATISTICS = ("mean", "mean+std")


def layer_choice(value: str, modality: str) -> str:
    """Return the layers that the setting ``layers`` chooses for a modality.

    Args:
        value: of the setting
        modality: its name

    Examples:
        >>> layer_choice("audio=0,6,text=last", "audio")
        '0,6'
        >>> layer_choice("text=last", "audio"), layer_choice("weighted", "audio")
        ('all', 'weighted')
    """
    return _by_modality(value).get(modality, _by_modality(value).get("", "all"))


def pooling_choice(value: str, modality: str) -> str:
    """Return the statistics that the setting ``pooling`` chooses for a modality.

    Args:
        value: of the setting
        modality: its name

    Examples:
        >>> pooling_choice("text=mean", "text"), pooling_choice("text=mean", "audio")
        ('mean', 'mean+std')
    """
    choices = _by_modality(value)
    return choices.get(modality, choices.get("", STATISTICS[-1]))


def _by_modality(value: str) -> dict[str, str]:
    """Return the choice of each modality, and under "" that of all others."""
    choices: dict[str, str] = {}
    modality = ""
    for word in value.split(","):
        name, mark, rest = word.partition("=")
        modality, word = (name, rest) if mark else (modality, word)
        choices[modality] = (
            f"{choices[modality]},{word}" if modality in choices else word
        )
    return choices


def demand_layers(value: str) -> None:
    """Raise an error if `layers` is neither a word nor numbers, for each modality.

    Args:
        value: of the setting

    Raises:
        AffuseError: naming the allowed values
    """
    choices = _by_modality(value)
    for modality, chosen in choices.items():
        numbers = all(word.isdecimal() and word.isascii() for word in chosen.split(","))
        is_mix = chosen == "weighted" and modality != ""
        if is_mix or not (numbers or chosen in LAYER_WORDS):
            raise AffuseError(
                f"layers must be all, weighted, last or numbers such as 0,6,12, or "
                f"name modalities as in audio=0,6,text=last (without weighted); got "
                f"{shown(value)}{hint(chosen, LAYER_WORDS)}"
            )
    _demand_names("layers", choices, value)


def demand_pooling(value: str) -> None:
    """Raise an error if `pooling` chooses no statistics, for each modality.

    Args:
        value: of the setting

    Raises:
        AffuseError: naming the allowed values
    """
    choices = _by_modality(value)
    if not {*choices.values()} <= {*STATISTICS}:
        raise AffuseError(
            f"pooling must be mean or mean+std, or name modalities as in "
            f"audio=mean+std,text=mean; got {shown(value)}{hint(value, STATISTICS)}"
        )
    _demand_names("pooling", choices, value)


def _demand_names(setting: str, choices: Mapping[str, str], value: str) -> None:
    """Raise an error if a choice names no modality."""
    for modality in choices:
        if modality and not is_modality(modality):
            raise AffuseError(
                f"{setting}={value}: there is no modality {modality!r}; choose from "
                f"{', '.join(modality_names())}{hint(modality, modality_names())}"
            )
