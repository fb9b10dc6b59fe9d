"""Allowed values of each setting of a training run, checked one setting at a time.

Combinations of settings are checked in `affuse.fuse.setting_combinations`.
"""

import math
from collections.abc import Mapping

from affuse.data.errors import AffuseError
from affuse.data.rating_scales import POLICIES
from affuse.data.splits.protocols import PROTOCOLS
from affuse.data.suggestions import hint
from affuse.data.system.mismatches import shown
from affuse.fuse.losses import LOSSES
from affuse.fuse.setting_texts import BY_RATERS, EQUAL, TEXTS

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
    "weighting": (EQUAL, BY_RATERS),
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
    "ema": (0, 0.99999),
    "noise": (0, 10),
    "mixup": (0, 10),
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
    if isinstance(value, str) and name in TEXTS:
        TEXTS[name](value)
    if isinstance(value, int | float) and name in RANGES:
        low, high = RANGES[name]
        if not (math.isfinite(value) and low <= value <= high):
            raise AffuseError(f"{name} must be in [{low:g}, {high:g}], got {value}")
