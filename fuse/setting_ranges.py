"""Allowed values of each setting of a training run, checked one setting at a time.

Combinations of settings are checked in `affuse.fuse.settings.Settings`.
"""

import math
from collections.abc import Mapping

from affuse.data.errors import AffuseError
from affuse.data.modality import is_modality, modality_names
from affuse.data.rating_scales import POLICIES
from affuse.data.splits.protocols import PROTOCOLS
from affuse.data.suggestions import hint
from affuse.data.system.schema import shown
from affuse.fuse.losses import LOSSES

EVERY_LAYER = ("all", "concat", "weighted")  # values of `layers`; concat means all
LAYER_WORDS = (*EVERY_LAYER, "last")
STATISTICS = ("mean", "mean+std")
END_TO_END = "end-to-end"  # value of `training`: `finetune` trains encoders and head

CHOICES: Mapping[str, tuple[str, ...]] = {
    "protocol": ("", *PROTOCOLS),
    "out_of_range": POLICIES,
    "reduce": ("autoencoder", "pca", "none"),
    "training": ("joint", "pretrain", END_TO_END),
    "loss": tuple(LOSSES),
    "optimizer": ("adamw", "adam"),
    "late_activation": ("none", "relu"),
    "map": ("auto", "affine", "none"),
}
RANGES: Mapping[str, tuple[float, float]] = {  # lowest and highest, both allowed
    "folds": (3, 1000),
    "split_seed": (0, 2**32 - 1),
    "latent": (1, 2**16),
    "autoencoder_hidden": (1, 2**16),
    "hidden": (1, 2**16),
    "input_dropout": (0, 0.95),
    "modality_dropout": (0, 0.95),
    "dropout": (0, 0.95),
    "reconstruction": (0, 1e6),
    "mix": (0, 1),
    "learning_rate": (1e-12, 1),
    "weight_decay": (0, 100),
    "batch": (1, 2**20),
    "epochs": (1, 10**6),
    "patience": (1, 10**6),
    "pretrain_epochs": (1, 10**6),
    "pretrain_rate": (1e-12, 1),
}


def demand_allowed(name: str, value: object, kind: type) -> None:
    """Raise an error if a value has the wrong type or is outside the allowed values.

    Args:
        name: name of the setting
        value: value to check
        kind: type of the setting's default

    Raises:
        AffuseError: naming the setting, the value and the allowed values
    """
    if type(value) is not kind:
        raise AffuseError(
            f"{name} must be of type {kind.__name__}, got {shown(value)} "
            f"({type(value).__name__})"
        )
    if name in CHOICES and value not in CHOICES[name]:
        choices = ", ".join(repr(choice) for choice in CHOICES[name] if choice)
        raise AffuseError(
            f"{name} must be one of {choices}; got {shown(value)}"
            f"{hint(str(value), CHOICES[name])}"
        )
    if name in BY_MODALITY:
        BY_MODALITY[name](str(value))
    if isinstance(value, int | float) and name in RANGES:
        low, high = RANGES[name]
        if not (math.isfinite(value) and low <= value <= high):
            raise AffuseError(f"{name} must be in [{low:g}, {high:g}], got {value}")


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


def _demand_layers(value: str) -> None:
    """Raise an error if `layers` is neither a word nor numbers, for each modality."""
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


def _demand_pooling(value: str) -> None:
    """Raise an error if `pooling` chooses no statistics, for each modality."""
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


BY_MODALITY = {"layers": _demand_layers, "pooling": _demand_pooling}
