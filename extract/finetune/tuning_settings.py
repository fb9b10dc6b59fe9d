"""Settings of fine-tuning beyond those of stage two.

An experiment sets them in its table ``[finetune]``. These are settings of stage two
(`affuse.fuse.settings.Settings`): batch, epochs, patience, loss, optimiser, and the
learning rate of everything except the encoders.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from affuse.data.errors import AffuseError, OptionError, as_option_errors
from affuse.data.suggestions import hint
from affuse.data.system.documents import read_toml
from affuse.data.system.mismatches import shown
from affuse.fuse.experiment_files import EXPERIMENT, FINETUNE, find
from affuse.fuse.settings import Settings

SCHEDULES = {"linear": "linear", "constant": "constant_with_warmup"}  # of transformers
DTYPES = ("float32", "bfloat16")
RANGES: Mapping[str, tuple[float, float]] = {
    "audio_rate": (0, 1),
    "text_rate": (0, 1),
    "warmup": (0, 0.9),
    "clip": (0, 1e6),
    "layers_trained": (-1, 1000),
    "adapters": (0, 1024),
    "adapter_alpha": (1, 10_000),
    "averaging": (0, 1000),
    "max_seconds": (0.1, 3600),
}
# Settings of which other values would need cached embeddings. The head takes the last
# layer, which is all that a fine-tuning pools.
ALLOWED_VALUES = {
    "layers": ("all", "last"),
    "training": ("joint",),
}
OF_TRAIN = {  # options of `train` alone, with their only possible values
    "ema": 0,
    "mixup": 0,
    "auxiliary": "",
    "agreement": "",
    "weighting": "none",
}
# Learning rates of adapters, which are higher than those of the weights: from Hu et
# al., 2021, arXiv:2106.09685, table 9, for an encoder of 12 blocks of width 768.
ADAPTER_RATES: Mapping[str, float] = {"audio_rate": 5e-4, "text_rate": 5e-4}
PROBE_SETTINGS = (
    "batch",
    "epochs",
    "patience",
    "learning_rate",
    "input_dropout",
    "dropout",
)


@dataclass(frozen=True)
class Tuning:
    """Settings of the training of encoders; all of them change the result."""

    audio_rate: float = 3e-5  # highest learning rate of the speech encoder
    text_rate: float = 5e-5  # highest learning rate of the text encoder
    warmup: float = 0.1  # share of the steps in which all rates rise from 0
    clip: float = 1.0  # largest norm of the gradient of a batch; 0 for no limit
    schedule: str = "linear"  # after the warm-up: "linear" to 0, or "constant"
    layers_trained: int = -1  # number of top blocks to train; -1 for all weights
    convolutions: bool = False  # True to train the convolutions before the blocks too
    adapters: int = 0  # rank of adapters, trained instead of the blocks; 0 for none
    adapter_alpha: int = 16  # scale of adapters: their output is times alpha / rank
    averaging: float = 0.0  # horizon of the EMA of the weights in epochs; 0 for none
    head_first: bool = True  # True to begin with a head trained on frozen encoders
    max_seconds: float = 30.0  # length to which utterances are truncated
    dtype: str = "float32"  # of the computation in encoders; weights are float32

    def __post_init__(self) -> None:
        for field in fields(self):
            value, kind = getattr(self, field.name), type(field.default)
            if type(value) is not kind:
                raise AffuseError(
                    f"{field.name} must be of type {kind.__name__}, got {shown(value)}"
                )
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise AffuseError(f"{name} must be in [{low:g}, {high:g}], got {value}")
        for name, allowed in (("schedule", tuple(SCHEDULES)), ("dtype", DTYPES)):
            if getattr(self, name) not in allowed:
                raise AffuseError(
                    f"{name} must be one of {', '.join(allowed)}, "
                    f"got {shown(getattr(self, name))}"
                )
        self._demand_adapted()

    def _demand_adapted(self) -> None:
        """Raise an error if other settings contradict adapters."""
        if self.adapters and not self.layers_trained:
            raise AffuseError(
                "adapters belong to the trained blocks, and layers_trained=0 leaves "
                "none; use 1 or more, or no adapters"
            )
        if self.adapters and self.convolutions:
            raise AffuseError(
                "convolutions have no adapters, and with adapters all weights are "
                "frozen; choose one of the two"
            )

    @property
    def result_settings(self) -> dict[str, Any]:
        """Return the settings that change the result, without unused ones."""
        used = asdict(self)
        for name in () if self.adapters else ("adapters", "adapter_alpha"):
            del used[name]
        if not self.averaging:
            del used["averaging"]
        return used


def load(experiment: Path | str, changes: Mapping[str, Any]) -> Tuning:
    """Return the defaults, changed by an experiment, and then by the user.

    Learning rates of an experiment without adapters are too low for adapters. If the
    user adds adapters and sets no rates, the rates are those of `ADAPTER_RATES`.

    Args:
        experiment: a TOML file, or the name of one in fuse/experiments
        changes: of the user, by name; values of None are ignored

    Raises:
        FileNotFoundError: if there is no such experiment
        AffuseError: if a name is unknown, or a value is not allowed
    """
    path = find(experiment)
    table = read_toml(path, EXPERIMENT).get(FINETUNE, {})
    try:
        names = [field.name for field in fields(Tuning)]
        if unknown := sorted(set(table) - set(names)):
            raise AffuseError(
                f"unknown in [{FINETUNE}]: {', '.join(unknown)}; known are "
                f"{', '.join(names)}{hint(unknown[0], names)}"
            )
        tuning = replace(Tuning(), **_rates(table))
    except AffuseError as error:
        raise AffuseError(f"{path}: {error}") from error
    values = {name: value for name, value in changes.items() if value is not None}
    adds_adapters = values.get("adapters") and not tuning.adapters
    with as_option_errors():
        return replace(tuning, **{**(ADAPTER_RATES if adds_adapters else {}), **values})


def _rates(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table, with default rates for its adapters if it has no rates."""
    return {**(ADAPTER_RATES if table.get("adapters") else {}), **table}


def demand(settings: Settings) -> None:
    """Raise an error if a setting of stage two needs cached embeddings, or `train`.

    Args:
        settings: of stage two

    Raises:
        OptionError: with the name of the setting
    """
    for name, allowed in ALLOWED_VALUES.items():
        if (value := getattr(settings, name)) not in allowed:
            raise OptionError(
                f"{name}={value!r} needs cached embeddings, and fine-tuning changes "
                f"the embeddings; leave it at {allowed[0]!r}"
            )
    for name, unset in OF_TRAIN.items():
        if (value := getattr(settings, name)) != unset:
            instead = "; use --averaging in its place" if name == "ema" else ""
            raise OptionError(
                f"{name}={value!r} is an option of train, which finetune lacks{instead}"
            )
    if settings.reduce == "pca":
        raise OptionError(
            "reduce='pca' is fitted on cached embeddings, and fine-tuning changes the "
            "embeddings; use reduce='autoencoder' or 'none'"
        )


def probe_settings(settings: Settings) -> Settings:
    """Return the settings of a head behind frozen encoders, trained with defaults.

    Args:
        settings: of stage two
    """
    usual = Settings()
    training = {name: getattr(usual, name) for name in PROBE_SETTINGS}
    decay = usual.weight_decay
    return replace(settings, optimizer="adamw", weight_decay=decay, **training)
