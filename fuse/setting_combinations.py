"""Checks of settings of a training run that do not suit each other.

Single settings are checked in `affuse.fuse.setting_ranges`.
"""

from typing import Any

from affuse.data.errors import AffuseError
from affuse.fuse.losses import SMALLEST_BATCH
from affuse.fuse.setting_texts import EQUAL


def demand(settings: Any) -> None:
    """Raise an error if two settings contradict each other.

    Args:
        settings: a `affuse.fuse.settings.Settings`, whose single values are valid

    Raises:
        AffuseError: naming both settings and a remedy
    """
    if settings.loss != "mse" and settings.batch < SMALLEST_BATCH:
        raise AffuseError(
            f"batch={settings.batch} with loss='{settings.loss}': the CCC of a small "
            f"batch is biased low; use batch={SMALLEST_BATCH} or more, or loss='mse'"
        )
    if settings.training == "pretrain":
        _demand_constant_codes(settings)
    if settings.layers == "weighted" and settings.reduce == "pca":
        raise AffuseError(
            "layers='weighted' trains the weights of the layers, so there are no "
            "fixed embeddings to fit reduce='pca' on; use reduce='autoencoder' or "
            "'none'"
        )
    if settings.auxiliary:
        _demand_trained_codes(settings)
    if settings.agreement and settings.weighting != EQUAL:
        raise AffuseError(
            f"agreement={settings.agreement!r} and weighting={settings.weighting!r} "
            f"both decide the weights of rows in the loss; use one of them"
        )


def _demand_constant_codes(settings: Any) -> None:
    """Raise an error for settings that frozen autoencoders do not support."""
    if settings.reduce != "autoencoder":
        raise AffuseError(
            f"training='pretrain' needs an autoencoder, but reduce="
            f"'{settings.reduce}'; use training='joint', or reduce='autoencoder'"
        )
    for name, varies in (
        ("layers", settings.layers == "weighted"),
        ("modality_dropout", settings.modality_dropout != 0),
    ):
        value = getattr(settings, name)
        if varies:
            raise AffuseError(
                f"{name}={value!r} changes what the autoencoders encode, and "
                f"training='pretrain' freezes their codes; use training='joint'"
            )


def _demand_trained_codes(settings: Any) -> None:
    """Raise an error if auxiliary targets would change no weight of the model."""
    for name, needed in (("training", "joint"), ("reduce", "autoencoder")):
        if (value := getattr(settings, name)) != needed:
            raise AffuseError(
                f"auxiliary={settings.auxiliary!r} is predicted from codes that are "
                f"trained with the design, and {name}={value!r} has none; use "
                f"{name}={needed!r}, or no auxiliary targets"
            )
