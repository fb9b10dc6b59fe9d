"""Settings of a training run and their defaults.

Seeds, device and folders are options of the commands, not settings. Files that change
settings are read by `affuse.fuse.experiment_files`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from affuse.data.errors import AffuseError, OptionError, as_option_errors
from affuse.data.suggestions import hint
from affuse.data.system.documents import parse_toml
from affuse.data.system.schema import Plain, Record
from affuse.fuse import setting_combinations
from affuse.fuse.setting_ranges import CHOICES, END_TO_END, RANGES, demand_allowed
from affuse.fuse.setting_scopes import (
    PER_MODEL,
    UNUSED,
    added_setting,
    row_setting,
    setting,
)

__all__ = [
    "CHOICES",
    "END_TO_END",
    "RANGES",
    "Settings",
    "change",
    "override",
]

ASSIGNED = Record({"value": Plain(1)})


@dataclass(frozen=True)
class Settings:
    """Settings of a training run; defaults were chosen on development sets only.

    The models of a group share the value of a field, unless its mark allows them to
    differ; see `affuse.fuse.setting_scopes`.
    """

    # Rows and ratings
    # name in affuse.data.splits.protocols; "" selects the default of the corpus
    protocol: str = row_setting("")
    folds: int = row_setting(5)  # groups of speakers, for the protocol "speakers"
    split_seed: int = row_setting(0)  # seed of the random choices in a protocol
    # ratings outside the scale: "clip", "keep" or "drop"
    out_of_range: str = row_setting("clip")

    # Dimensionality reduction of one modality's embedding
    # Layers to take of a cache: "all", "last" or numbers such as "0,6,12", which are
    # concatenated, also by modality or encoder: "audio=0,6,text=last",
    # "audio:mini=last"; "weighted": a scalar mix of all for each rating. "concat" is
    # the old name of "all".
    layers: str = setting("all")
    # Statistics over time to take: "mean", or "mean+std" where the cache has
    # deviations, also by modality or encoder; others than those that are named have
    # "mean+std". It selects columns, like the settings above select rows.
    pooling: str = added_setting("text=mean", regressor=UNUSED, autoencoder=UNUSED)
    # "autoencoder", "pca", or "none": the embedding unchanged
    reduce: str = setting("autoencoder")
    latent: int = setting(128)  # size of the reduced embedding
    # hidden units between embedding and code, in the encoder and in the decoder
    autoencoder_hidden: int = setting(128)
    # share of an embedding's values set to 0 in training (denoising autoencoder)
    input_dropout: float = setting(0.5)
    # "joint": autoencoder and regressor together; "pretrain": autoencoder first, then
    # frozen; "end-to-end": jointly with the encoders, by `finetune`
    training: str = setting("joint")
    # largest number of passes over the training rows in pretraining
    pretrain_epochs: int = setting(25, regressor=UNUSED, autoencoder=PER_MODEL)
    # learning rate of pretraining
    pretrain_rate: float = setting(5e-3, regressor=UNUSED, autoencoder=PER_MODEL)
    # weight of the reconstruction loss (equation 7) in joint training
    reconstruction: float = setting(0.1, autoencoder=UNUSED)

    # Design
    # share of utterances that lose a modality in training (modality dropout)
    modality_dropout: float = setting(0.0)
    hidden: int = setting(128, autoencoder=UNUSED)  # units of a hidden layer
    # share of hidden units that dropout sets to 0 in training
    dropout: float = setting(0.5, autoencoder=UNUSED)
    # for `late` only, between its convolution and the linear layer: "none" or "relu"
    late_activation: str = setting("none", autoencoder=UNUSED)

    # Baselines: "affine" maps their predictions to the mean and standard deviation of
    # the validation ratings; "none" does not; "auto" maps fitted baselines. Networks do
    # not depend on it.
    map: str = setting("auto", regressor=UNUSED, autoencoder=UNUSED)

    # Training
    # "ccc": 1 - mean CCC of the batch; "mse"; or "mix" of the two. For a pretrained
    # autoencoder it only decides the smallest batch.
    loss: str = setting("ccc", autoencoder=PER_MODEL)
    mix: float = setting(0.5, autoencoder=UNUSED)  # weight of the CCC in "mix"
    optimizer: str = setting("adamw")  # or "adam", whose weight decay is an L2 penalty
    learning_rate: float = setting(1e-3, regressor=PER_MODEL, autoencoder=UNUSED)
    # "adamw" multiplies weights by 1 - learning_rate * weight_decay in each step
    weight_decay: float = setting(1e-2, regressor=PER_MODEL, autoencoder=PER_MODEL)
    # approximate number of utterances in a batch; batches have near-equal sizes
    batch: int = setting(512, regressor=PER_MODEL, autoencoder=PER_MODEL)
    # largest number of passes over the training rows
    epochs: int = setting(100, regressor=PER_MODEL, autoencoder=UNUSED)
    # epochs without a better validation CCC before training stops
    patience: int = setting(10, regressor=PER_MODEL, autoencoder=PER_MODEL)

    # Options of the training, each off by default
    # decay per step of an exponential moving average (EMA) of the weights, e.g. 0.99;
    # the averages are validated and saved, also those of pretrained autoencoders
    ema: float = added_setting(0.0)
    # standard deviation of Gaussian noise on standardised features in training, e.g.
    # 0.1; with training="pretrain" only the autoencoders get it
    noise: float = added_setting(0.0)
    # alpha of mixup, e.g. 0.2: shares of two rows are drawn from Beta(alpha, alpha)
    mixup: float = added_setting(0.0, autoencoder=UNUSED)
    # categories that a head on the codes predicts in training, with the weights of
    # their cross-entropy in the loss, e.g. "gender:0.1,category:0.2"
    auxiliary: str = added_setting("", autoencoder=UNUSED)
    # column from which rows are weighted in the loss: "deviation:COLUMN" of the ratings
    # of an utterance, or "raters:COLUMN" with their number
    agreement: str = added_setting("", autoencoder=UNUSED)
    # weights of rows in the loss: "none" for equal weights, or "raters" for the
    # precision of the mean of an utterance's single ratings
    weighting: str = added_setting("none", autoencoder=UNUSED)

    def __post_init__(self) -> None:
        if self.layers == "concat":
            object.__setattr__(self, "layers", "all")
        for field in fields(self):
            demand_allowed(field.name, getattr(self, field.name), type(field.default))
        setting_combinations.demand(self)


def change(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    """Return settings with some values replaced.

    A float setting accepts an int, and so does `layers`, for the number of one layer.

    Args:
        settings: settings to change
        changes: {name: new value}

    Raises:
        AffuseError: if a name is unknown, or a value has the wrong type or is outside
            the allowed values
    """
    kinds = {field.name: type(field.default) for field in fields(Settings)}
    if unknown := sorted(changes.keys() - kinds.keys()):
        raise AffuseError(
            f"unknown setting {', '.join(unknown)}; known are {', '.join(kinds)}"
            f"{hint(unknown[0], kinds)}"
        )
    exact = dict(changes)
    for name, value in changes.items():
        if type(value) is int and kinds[name] is float:
            exact[name] = float(value)
        elif type(value) is int and name == "layers":
            exact[name] = str(value)
    return replace(settings, **exact)


def override(settings: Settings, assignments: Iterable[str]) -> Settings:
    """Return settings changed by assignments on the command line.

    Args:
        settings: settings to change
        assignments: ``name=value`` strings; text needs no quotes

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
    with as_option_errors():
        return change(settings, changes)
