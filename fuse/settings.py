"""Every choice of a training run, its default, and files that hold only differences.

An experiment is a TOML file with a few of these names; a run saves all of them as
``settings.toml``, which can be given back as an experiment. Seeds, device and folders
are no settings: they do not say what is trained.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from affuse.data.errors import AffuseError, OptionError, options_at_fault
from affuse.data.suggestions import hint
from affuse.data.system.documents import parse_toml, read_toml
from affuse.data.system.schema import MapOf, Plain, Record
from affuse.fuse.losses import SMALLEST_BATCH
from affuse.fuse.setting_ranges import CHOICES, END_TO_END, RANGES, demand
from affuse.fuse.setting_scopes import PER_MODEL, UNUSED, setting, setting_of_rows

__all__ = [
    "CHOICES",
    "END_TO_END",
    "RANGES",
    "Settings",
    "change",
    "dump",
    "experiments",
    "find",
    "load",
    "override",
]

EXPERIMENTS = Path(__file__).parent / "experiments"
FINETUNE = (
    "finetune"  # table of an experiment that is for `affuse.extract.finetune` alone
)
EXPERIMENT = Record({}, {FINETUNE: MapOf(Plain(1))}, others=Plain(1))
ASSIGNED = Record({"value": Plain(1)})


@dataclass(frozen=True)
class Settings:
    """The defaults; they were chosen on development sets, never on a test set.

    The models of a group share the value of a field, unless its mark says otherwise;
    see `affuse.fuse.setting_scopes`.
    """

    # What is trained on what
    protocol: str = setting_of_rows(
        ""
    )  # of affuse.data.splits.protocols; "" is the corpus's own
    folds: int = setting_of_rows(5)  # groups of speakers, for the protocol "speakers"
    split_seed: int = setting_of_rows(0)  # of what a protocol leaves to chance
    # ratings outside the scale: clip, keep or drop
    out_of_range: str = setting_of_rows("clip")

    # What becomes of one modality's embedding
    # cached layers side by side, or "weighted" for each rating
    layers: str = setting("concat")
    # or "pca", or "none": the embedding as it is
    reduce: str = setting("autoencoder")
    latent: int = setting(128)  # size of the reduced embedding
    # units between embedding and code, on either side
    autoencoder_hidden: int = setting(128)
    # share of the embedding hidden in training: denoising
    input_dropout: float = setting(0.5)
    # with the regressor; "pretrain": before it, then frozen; "end-to-end": with the
    # encoders as well, by `finetune`, so that nothing is left to train
    training: str = setting("joint")
    # at most, passes over the training rows
    pretrain_epochs: int = setting(25, regressor=UNUSED, autoencoder=PER_MODEL)
    # learning rate of those passes
    pretrain_rate: float = setting(5e-3, regressor=UNUSED, autoencoder=PER_MODEL)
    # weight of equation 7 beside the loss, where joint
    reconstruction: float = setting(0.1, autoencoder=UNUSED)

    # The design
    # share of utterances that lose one in training
    modality_dropout: float = setting(0.0)
    hidden: int = setting(128, autoencoder=UNUSED)  # units of a hidden layer
    # share of hidden units left out in training
    dropout: float = setting(0.5, autoencoder=UNUSED)
    # of `late` alone, between its convolution and the linear layer; or "relu"
    late_activation: str = setting("none", autoencoder=UNUSED)

    # The baselines: "affine", what they predict is mapped to the mean and deviation of
    # the validation ratings; "none", it is not. "auto" maps those that are fitted here.
    # No network is trained by it
    map: str = setting("auto", regressor=UNUSED, autoencoder=UNUSED)

    # The training
    # 1 - mean CCC of the batch; or "mse", or "mix" of the two. Of an autoencoder it
    # decides the smallest batch alone
    loss: str = setting("ccc", autoencoder=PER_MODEL)
    mix: float = setting(0.5, autoencoder=UNUSED)  # weight of the CCC in "mix"
    optimizer: str = setting("adamw")  # or "adam", whose weight decay is an L2 penalty
    learning_rate: float = setting(1e-3, regressor=PER_MODEL, autoencoder=UNUSED)
    # per unit of learning rate
    weight_decay: float = setting(1e-2, regressor=PER_MODEL, autoencoder=PER_MODEL)
    # utterances, about: an epoch is cut into near-equal batches
    batch: int = setting(512, regressor=PER_MODEL, autoencoder=PER_MODEL)
    # at most, passes over the training rows
    epochs: int = setting(100, regressor=PER_MODEL, autoencoder=UNUSED)
    # epochs without a better validation CCC
    patience: int = setting(10, regressor=PER_MODEL, autoencoder=PER_MODEL)

    def __post_init__(self) -> None:
        for field in fields(self):
            demand(field.name, getattr(self, field.name), type(field.default))
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
        near = hint(str(experiment), experiments())
        raise FileNotFoundError(f"no experiment {str(experiment)!r}: {advice}{near}")
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
            f"{hint(unknown[0], kinds)}"
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
        OptionError: as `change`, or if an assignment has no name or no ``=``

    Examples:
        >>> override(Settings(), ["latent=64", "reduce=pca"]).latent
        64
    """
    changes = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals or not name.strip():
            raise OptionError(f"{assignment!r} should be name=value, e.g. latent=64")
        try:
            changes[name.strip()] = parse_toml(f"value = {text}", ASSIGNED)["value"]
        except AffuseError:  # text without quotes
            changes[name.strip()] = text.strip()
    with options_at_fault():
        return change(settings, changes)


def dump(settings: Settings) -> str:
    """All settings as TOML; `load` gives equal settings back."""
    lines = [f"{name} = {_toml(value)}" for name, value in asdict(settings).items()]
    return "\n".join(lines) + "\n"


def _toml(value: str | float) -> str:
    """One value: JSON's spelling of text, Python's of numbers, are TOML's too."""
    return json.dumps(value) if isinstance(value, str) else repr(value)
