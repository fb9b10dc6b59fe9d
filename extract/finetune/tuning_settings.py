"""What fine-tuning can choose beyond the settings of stage two.

An experiment says it in its table ``[finetune]``; rate, batch, epochs, patience, loss
and optimiser of everything but the encoders are those of
`affuse.fuse.settings.Settings`.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from affuse.data.errors import AffuseError, OptionError, options_at_fault
from affuse.data.suggestions import hint
from affuse.data.system.documents import read_toml
from affuse.data.system.schema import shown
from affuse.fuse import settings as stage_two
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
IDLE = {  # settings that presuppose embeddings which stay as they are
    "layers": "concat",
    "training": "joint",
}
# Rates of adapters, which need higher ones than the weights themselves: those of Hu et
# al., 2021, arXiv:2106.09685, table 9, for an encoder of 12 blocks of 768.
ADAPTED: Mapping[str, float] = {"audio_rate": 5e-4, "text_rate": 5e-4}
PROBED = ("batch", "epochs", "patience", "learning_rate", "input_dropout", "dropout")


@dataclass(frozen=True)
class Tuning:
    """Its defaults; all of it decides the outcome."""

    audio_rate: float = 3e-5  # highest learning rate of the speech encoder
    text_rate: float = 5e-5  # and of the text encoder
    warmup: float = 0.1  # share of the steps in which all rates rise from 0
    clip: float = 1.0  # largest norm of the gradient of a batch; 0 for any
    schedule: str = "linear"  # then falling to 0, or "constant"
    layers_trained: int = -1  # top blocks that are trained; -1: all, 0: none
    convolutions: bool = False  # train the convolutions before the blocks as well
    adapters: int = 0  # rank of those that are trained in place of the blocks; 0: none
    adapter_alpha: int = 16  # what they add counts alpha / rank
    averaging: float = 0.0  # epochs that weights are averaged over; 0: as they are
    head_first: bool = True  # begin with a head trained behind the frozen encoders
    max_seconds: float = 30.0  # of an utterance that are heard; the rest is cut off
    dtype: str = "float32"  # of the encoders' arithmetic; weights are float32

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
        for name, known in (("schedule", tuple(SCHEDULES)), ("dtype", DTYPES)):
            if getattr(self, name) not in known:
                raise AffuseError(
                    f"{name} must be one of {', '.join(known)}, "
                    f"got {shown(getattr(self, name))}"
                )
        self._demand_adapted()

    def _demand_adapted(self) -> None:
        """Refuse what cannot be trained together with adapters, or have them."""
        if self.adapters and not self.layers_trained:
            raise AffuseError(
                "adapters are of the blocks that are trained, and layers_trained=0 "
                "leaves none; take 1 or more, or no adapters"
            )
        if self.adapters and self.convolutions:
            raise AffuseError(
                "convolutions have no adapters, and adapters leave all weights as they "
                "are; choose one of the two"
            )

    @property
    def decisive(self) -> dict[str, Any]:
        """What decides the outcome; nothing does of what is not made use of."""
        used = asdict(self)
        for name in () if self.adapters else ("adapters", "adapter_alpha"):
            del used[name]
        if not self.averaging:
            del used["averaging"]
        return used


def load(experiment: Path | str, changes: Mapping[str, Any]) -> Tuning:
    """The defaults, with what an experiment's table changes, and then the user.

    Rates of an experiment without adapters are not meant for them: adapters that the
    user asks for have those of `ADAPTED`, if the user gives no others.

    Args:
        experiment: a TOML file, or the name of one in fuse/experiments
        changes: by name; those that are None are none

    Raises:
        FileNotFoundError: if there is no such experiment
        AffuseError: if a name is unknown, or a value makes no sense
    """
    path = stage_two.find(experiment)
    table = read_toml(path, stage_two.EXPERIMENT).get(stage_two.FINETUNE, {})
    try:
        names = [field.name for field in fields(Tuning)]
        if unknown := sorted(set(table) - set(names)):
            raise AffuseError(
                f"unknown in [{stage_two.FINETUNE}]: {', '.join(unknown)}; known are "
                f"{', '.join(names)}{hint(unknown[0], names)}"
            )
        tuning = replace(Tuning(), **_rates(table))
    except AffuseError as error:
        raise AffuseError(f"{path}: {error}") from error
    given = {name: value for name, value in changes.items() if value is not None}
    asked = given.get("adapters") and not tuning.adapters
    with options_at_fault():
        return replace(tuning, **{**(ADAPTED if asked else {}), **given})


def _rates(table: Mapping[str, Any]) -> dict[str, Any]:
    """A table with the rates of adapters, where it has these but no rates."""
    return {**(ADAPTED if table.get("adapters") else {}), **table}


def demand(settings: Settings) -> None:
    """Refuse settings that moving embeddings cannot have.

    Raises:
        OptionError: naming the setting
    """
    for name, idle in IDLE.items():
        if (value := getattr(settings, name)) != idle:
            raise OptionError(
                f"{name}={value!r} is of cached embeddings, and fine-tuning changes "
                f"them; leave it at {idle!r}"
            )
    if settings.reduce == "pca":
        raise OptionError(
            "reduce='pca' is fitted on embeddings that stay as they are; fine-tune "
            "with reduce='autoencoder' or 'none'"
        )


def probe(settings: Settings) -> Settings:
    """Of the same head behind frozen encoders: as stage two trains by default."""
    usual = Settings()
    kept = {name: getattr(usual, name) for name in PROBED}
    return replace(settings, optimizer="adamw", weight_decay=usual.weight_decay, **kept)
