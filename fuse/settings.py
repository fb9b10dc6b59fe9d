"""Every choice of a training run, its default, and files that hold only differences.

An experiment is a TOML file with a few of these names; a run saves all of them as
``settings.toml``, which can be given back as an experiment. Seeds, device and folders
are no settings: they do not say what is trained.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from data.errors import AffuseError
from data.ratings import POLICIES
from data.splits import PROTOCOLS
from data.system.documents import parse_toml, read_toml
from data.system.schema import MapOf, Mismatch, Plain, Record, shown
from fuse.losses import LOSSES, SMALLEST_BATCH

EXPERIMENTS = Path(__file__).parent / "experiments"
END_TO_END = "end-to-end"  # of training: with the encoders, by `finetune`
FINETUNE = "finetune"  # table of an experiment that is for `extract.finetune` alone
EXPERIMENT = Record({}, {FINETUNE: MapOf(Plain(1))}, others=Plain(1))
ASSIGNED = Record({"value": Plain(1)})

CHOICES: Mapping[str, tuple[str, ...]] = {
    "protocol": ("", *PROTOCOLS),
    "out_of_range": POLICIES,
    "layers": ("concat", "weighted"),
    "reduce": ("autoencoder", "pca", "none"),
    "training": ("joint", "pretrain", END_TO_END),
    "loss": tuple(LOSSES),
    "optimizer": ("adamw", "adam"),
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


@dataclass(frozen=True)
class Settings:
    """The defaults; they were chosen on development sets, never on a test set."""

    # What is trained on what
    protocol: str = ""  # of data.splits; "" is the corpus's own
    folds: int = 5  # groups of speakers, for the protocol "speakers"
    split_seed: int = 0  # of what a protocol leaves to chance
    out_of_range: str = "clip"  # ratings outside the scale: clip, keep or drop

    # What becomes of one modality's embedding
    layers: str = "concat"  # cached ones side by side, or "weighted" for each rating
    reduce: str = "autoencoder"  # or "pca", or "none": the embedding as it is
    latent: int = 128  # size of the reduced embedding
    autoencoder_hidden: int = 128  # units between embedding and code, on either side
    input_dropout: float = 0.5  # share of the embedding hidden in training: denoising
    # with the regressor; "pretrain": before it, then frozen; "end-to-end": with the
    # encoders as well, by `finetune`, so that nothing is left to train
    training: str = "joint"
    pretrain_epochs: int = 25  # at most, passes over the training rows
    pretrain_rate: float = 5e-3  # learning rate of those passes
    reconstruction: float = 0.1  # weight of equation 7 beside the loss, where joint

    # The design
    modality_dropout: float = 0.0  # share of utterances that lose one in training
    hidden: int = 128  # units of a hidden layer
    dropout: float = 0.5  # share of hidden units left out in training

    # The training
    loss: str = "ccc"  # 1 - mean CCC of the batch; or "mse", or "mix" of the two
    mix: float = 0.5  # weight of the CCC in "mix"
    optimizer: str = "adamw"  # or "adam", whose weight decay is an L2 penalty
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2  # per unit of learning rate
    batch: int = 512  # utterances, about: an epoch is cut into near-equal batches
    epochs: int = 100  # at most, passes over the training rows
    patience: int = 10  # epochs without a better validation CCC

    def __post_init__(self) -> None:
        for field in fields(self):
            _demand(field.name, getattr(self, field.name), type(field.default))
        if self.loss != "mse" and self.batch < SMALLEST_BATCH:
            raise AffuseError(
                f"batch={self.batch} with loss='{self.loss}': the CCC of a small batch "
                f"is biased low; use batch={SMALLEST_BATCH} or more, or loss='mse'"
            )
        if self.training == "pretrain":
            _demand_codes_can_stay(self)
        if self.layers == "weighted" and self.reduce == "pca":
            raise AffuseError(
                "layers='weighted' learns the weights of layers before they are "
                "reduced, so there is nothing to fit reduce='pca' on; use "
                "reduce='autoencoder' or 'none'"
            )


def _demand_codes_can_stay(settings: Settings) -> None:
    """Refuse what cannot be learnt behind autoencoders that are trained before."""
    if settings.reduce != "autoencoder":
        raise AffuseError(
            f"training='pretrain' needs an autoencoder, but reduce="
            f"'{settings.reduce}'; use training='joint', or reduce='autoencoder'"
        )
    for name, idle in (("layers", "concat"), ("modality_dropout", 0)):
        if (value := getattr(settings, name)) != idle:
            raise AffuseError(
                f"{name}={value!r} changes what the autoencoders encode, and "
                f"training='pretrain' freezes their codes; use training='joint'"
            )


def _demand(name: str, value: object, kind: type) -> None:
    """Refuse a value of the wrong type, or one that makes no sense."""
    if type(value) is not kind:
        raise AffuseError(
            f"{name} must be of type {kind.__name__}, got {shown(value)} "
            f"({type(value).__name__})"
        )
    if name in CHOICES and value not in CHOICES[name]:
        known = ", ".join(repr(choice) for choice in CHOICES[name])
        raise AffuseError(f"{name} must be one of {known}; got {shown(value)}")
    if isinstance(value, int | float) and name in RANGES:
        low, high = RANGES[name]
        if not (math.isfinite(value) and low <= value <= high):
            raise AffuseError(f"{name} must be in [{low:g}, {high:g}], got {value}")


def experiments() -> list[str]:
    """Names of the experiments that come with the project, sorted."""
    return sorted(path.stem for path in EXPERIMENTS.glob("*.toml"))


def load(experiment: Path | str) -> Settings:
    """The defaults, with what an experiment changes.

    Args:
        experiment: a TOML file, or the name of one in fuse/experiments

    Raises:
        FileNotFoundError: if there is none; the sentence lists the names
        AffuseError: naming the file, and what in it is unknown or makes no sense
    """
    path = find(experiment)
    found = read_toml(path, EXPERIMENT)
    found.pop(FINETUNE, None)
    try:
        return change(Settings(), found)
    except AffuseError as error:
        raise AffuseError(f"{path}: {error}") from error


def find(experiment: Path | str) -> Path:
    """The file of an experiment.

    Raises:
        FileNotFoundError: if there is none; the sentence lists the names
        AffuseError: if it is a folder, a pipe or a device
    """
    path = EXPERIMENTS / f"{experiment}.toml"
    if not path.is_file():
        path = Path(experiment)
    advice = f"choose from {', '.join(experiments())}, or give the path of a TOML file"
    if not path.exists():
        raise FileNotFoundError(f"no experiment {str(experiment)!r}: {advice}")
    if not path.is_file():
        raise AffuseError(f"experiment {str(experiment)!r} is no file: {advice}")
    return path


def change(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    """Settings with some of them replaced; a whole number may stand for a float.

    Raises:
        AffuseError: if a name is unknown, or a value is of the wrong type or no sense
    """
    kinds = {field.name: type(field.default) for field in fields(Settings)}
    if unknown := sorted(changes.keys() - kinds.keys()):
        raise AffuseError(
            f"unknown setting {', '.join(unknown)}; known are {', '.join(kinds)}"
        )
    exact: dict[str, Any] = {
        name: float(value) if (type(value), kinds[name]) == (int, float) else value
        for name, value in changes.items()
    }
    return replace(settings, **exact)


def override(settings: Settings, assignments: Iterable[str]) -> Settings:
    """Settings changed on the command line.

    Args:
        settings: what is changed
        assignments: ``name=value`` each; text needs no quotes

    Raises:
        AffuseError: as `change`, or if an assignment has no ``=``

    Examples:
        >>> override(Settings(), ["latent=64", "reduce=pca"]).latent
        64
    """
    changes = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise AffuseError(f"{assignment!r} should be name=value, e.g. latent=64")
        try:
            changes[name.strip()] = parse_toml(f"value = {text}", ASSIGNED)["value"]
        except Mismatch:  # text without quotes
            changes[name.strip()] = text.strip()
    return change(settings, changes)


def dump(settings: Settings) -> str:
    """All settings as TOML; `load` gives equal settings back."""
    lines = [f"{name} = {_toml(value)}" for name, value in asdict(settings).items()]
    return "\n".join(lines) + "\n"


def _toml(value: str | float) -> str:
    """One value: JSON's spelling of text, Python's of numbers, are TOML's too."""
    return json.dumps(value) if isinstance(value, str) else repr(value)
