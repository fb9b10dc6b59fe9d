"""Fusion models as a scikit-learn regressor, for notebooks, pipelines and searches.

One array holds the embeddings of all modalities; ``columns`` gives their column ranges.
Training is `affuse.fuse.training.fitting.fit` with the names of
`affuse.fuse.settings.Settings`. Models equal those of ``affuse train`` except for
rounding. Columns are first standardised in float64 (`feature_standardisation`), so a
column that varies a million times less than another is used; `projection` alone would
ignore it. `conventions` names the tested versions of scikit-learn.
"""

import copy
import warnings
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted
from torch import nn

from affuse.data.errors import AffuseError
from affuse.data.system.device_names import choose
from affuse.fuse.inputs.column_ranges import Columns, resolve_columns
from affuse.fuse.inputs.feature_standardisation import ColumnScaler, demand_variation
from affuse.fuse.inputs.tensors import Rows
from affuse.fuse.models.design import Design, find
from affuse.fuse.scoring.failure_notes import warn_of_failure
from affuse.fuse.settings import Settings, change
from affuse.fuse.sklearn import conventions
from affuse.fuse.sklearn.conventions import TRAINING_SETTINGS, check_arrays
from affuse.fuse.sklearn.scorers import ccc_scorer, mean_ccc
from affuse.fuse.training.fitting import fit
from affuse.fuse.training.setting_resolution import unused_setting_notes

__all__ = ["Design", "FusionRegressor", "ccc_scorer", "mean_ccc"]


class FusionRegressor(MultiOutputMixin, RegressorMixin, BaseEstimator):
    """Regressor of autoencoders and a fusion design, trained on the CCC.

    Ratings may have any unit: they are standardised by the training rows, and
    predictions are transformed back. Columns of X are standardised too, in float64. A
    validation part of whole groups stops the training and selects the best epoch.

    Args:
        fusion: name of a design, or a class like those in fuse/models/designs that
            declares its ``MODALITIES``, or a `Design` of such a class. A class is read
            when it is passed, and the regressor and its clones keep what it declares.
            In parallel searches, a class must declare ``MODALITIES`` inside it, or be
            passed as a `Design`
        columns: of each modality in X: a size, a slice, a range, column numbers, or
            names of a DataFrame's columns, see `column_ranges.resolve_columns`. If
            all are sizes, they must sum to the number of columns. None if the design
            takes a single modality, which then has all columns
        validation_fraction: share of the rows, or of the groups, for validation
        random_state: seed of that part, of initial weights, order and dropout; None
            draws a seed, which is stored as ``seed_``
        device: ``cpu``, ``cuda``, ``cuda:1`` or ``auto``
        **settings: fields of `affuse.fuse.settings.Settings`, by name, except those of
            `affuse.fuse.sklearn.conventions.LEFT_OUT`

    Attributes:
        module_: trained model, {modality: (n, dim)} -> (n, targets), all standardised
        history_: results of each epoch, with its validation CCC
        validation_: numbers of the validation rows
        mean_: mean of each rating, over the training rows
        scale_: standard deviation of each rating, over the training rows
        feature_mean_: (n_features_in_,) means of the columns over the training rows
        feature_scale_: (n_features_in_,) their standard deviations; 0 for a column that
            is constant in these rows or not taken by the design, and therefore ignored
        seed_: the seed
        n_features_in_: number of columns of X
        feature_names_in_: names of the columns, if X is a DataFrame with names

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> y = rng.normal(size=(200, 2))  # two ratings, any unit
        >>> X = np.hstack([y @ rng.normal(size=(2, 8)), y @ rng.normal(size=(2, 5))])
        >>> model = FusionRegressor("early", columns={"audio": 8, "text": 5})
        >>> model.set_params(learning_rate=0.01, epochs=30).fit(X, y).score(X, y) > 0.9
        True
    """

    @conventions.expose_settings
    def __init__(
        self,
        fusion: str | type[nn.Module] | Design = "audio",
        *,
        columns: Columns | None = None,
        validation_fraction: float = 0.2,
        random_state: int | np.random.RandomState | None = 0,
        device: str = "cpu",
        **settings: Any,
    ):
        conventions.demand_parameters(settings)
        self.fusion = fusion
        self.columns = columns
        self.validation_fraction = validation_fraction
        self.random_state = random_state
        self.device = device
        for name, default in TRAINING_SETTINGS.items():
            setattr(self, name, settings.get(name, default))

    @property
    def fusion(self) -> str | type[nn.Module] | Design:
        """Parameter as the caller passed it."""
        return self._fusion

    @fusion.setter
    def fusion(self, design: str | type[nn.Module] | Design) -> None:
        """Read what a class declares, before a later notebook cell changes it.

        Raises:
            AffuseError: if the modalities of a class cannot be determined
        """
        self._design = Design(design) if isinstance(design, type) else None
        self._fusion = design

    def __sklearn_clone__(self) -> Self:
        """Return a clone with the parameters, and with what a class declares."""
        source = copy.copy(self)
        source.fusion = self._design or self.fusion
        clone: Self = super(FusionRegressor, source).__sklearn_clone__()
        clone._fusion, clone._design = self._fusion, self._design
        return clone

    def fit(self, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Train on all rows except the validation rows.

        Args:
            X: (n, features), embeddings side by side
            y: (n,) or (n, targets), any unit
            groups: (n,) of any type, e.g. speakers

        Raises:
            AffuseError: if a number is not finite, a parameter is invalid, columns do
                not add up, float32 cannot hold X after standardisation, or there are
                too few rows to validate on
        """
        x, truth = check_arrays(self, X, y)
        settings, design = self._settings(), self._design or find(self.fusion)
        if isinstance(self.fusion, str):
            for sentence in unused_setting_notes([settings], [self.fusion]):
                warnings.warn(sentence, stacklevel=2)
        names = getattr(self, "feature_names_in_", None)
        self._ranges = resolve_columns(
            self.columns, design.modalities, x.shape[1], names
        )
        self.seed_ = conventions.seed(self.random_state)
        train, self.validation_ = conventions.divide(
            truth, groups, share=self.validation_fraction, seed=self.seed_
        )
        features = self._scale_features(x, train)
        ratings = self._scale_ratings(truth, train)
        fitted = fit(
            self._rows(features[train], ratings[train]),
            self._rows(features[self.validation_], ratings[self.validation_]),
            fusion=design,
            settings=settings,
            seed=self.seed_,
            where=type(self).__name__,
        )
        self._warn(fitted.module, features, ratings)
        # In float64, the prediction of a row does not depend on the rows beside it.
        self.module_, self.history_ = fitted.module.double(), fitted.history
        return self

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return predictions in the shape and unit of `y`: (n,) or (n, targets).

        Raises:
            AffuseError: if X has other columns, a number is not finite, or it is so far
                from those in training that float32 cannot hold it
        """
        check_is_fitted(self)
        (x,) = check_arrays(self, X)
        standard = ColumnScaler(self.feature_mean_, self.feature_scale_)
        seen = standard.apply(x, self._column)
        features = {m: self._tensor(seen[:, at]).double() for m, at in self._ranges}
        with torch.inference_mode():
            predicted = self.module_(features).cpu().numpy()
        shaped = predicted.reshape(len(x), *np.shape(self.mean_))
        return np.asarray(shaped * self.scale_ + self.mean_)

    def score(self, X: ArrayLike, y: ArrayLike) -> float:
        """Return the mean CCC of the ratings, in [-1, 1]."""
        return mean_ccc(y, self.predict(X))

    def _warn(self, module: nn.Module, x: np.ndarray, ratings: np.ndarray) -> None:
        """Warn if the training diverged, or if predictions are constant."""
        seen = {m: self._tensor(x[self.validation_][:, at]) for m, at in self._ranges}
        with torch.inference_mode():
            predicted = module(seen).cpu().numpy()
        warn_of_failure(predicted, ratings[self.validation_], ratings)

    def _settings(self) -> Settings:
        """Return settings, checked as for ``train``; searches set NumPy numbers."""
        values = {name: getattr(self, name) for name in TRAINING_SETTINGS}
        plain = {
            n: v.item() if isinstance(v, np.generic) else v for n, v in values.items()
        }
        return change(Settings(), plain)

    def _scale_features(self, x: np.ndarray, train: np.ndarray) -> np.ndarray:
        """Return standardised columns of the design: (n, features) float32."""
        taken = np.concatenate([at for _, at in self._ranges])
        standard = ColumnScaler.fitted(x[train], taken)
        self.feature_mean_, self.feature_scale_ = standard.mean, standard.scale
        features = standard.apply(x, self._column)
        demand_variation(x[train], features[train], self._ranges, self._column)
        return features

    def _scale_ratings(self, truth: np.ndarray, train: np.ndarray) -> np.ndarray:
        """Return standardised ratings: (n, targets) float32."""
        flat = truth.reshape(len(truth), -1)
        standard = ColumnScaler.fitted(flat[train])
        if idle := np.flatnonzero(standard.scale == 0).tolist():
            raise AffuseError(
                f"target {idle[0]} is about {standard.mean[idle[0]]:g} in all rows to "
                f"train on: they differ by rounding errors only; leave the target out, "
                f"or subtract its offset"
            )
        shape = truth.shape[1:]
        self.mean_ = standard.mean.reshape(shape)[()]  # a number for a single rating
        self.scale_ = standard.scale.reshape(shape)[()]
        return standard.apply(flat, lambda column: f"target {column}")

    def _rows(self, features: np.ndarray, ratings: np.ndarray) -> Rows:
        """Return standardised rows on the device."""
        return Rows(
            features={m: self._tensor(features[:, at]) for m, at in self._ranges},
            truth=self._tensor(ratings),
            targets=tuple(f"target {k}" for k in range(ratings.shape[1])),
        )

    def _column(self, number: int) -> str:
        """Return the words for a column of X in an error."""
        names = getattr(self, "feature_names_in_", None)
        suffix = "" if names is None else f" ({names[number]!r})"
        return f"column {number}{suffix}"

    def _tensor(self, values: np.ndarray) -> torch.Tensor:
        """Return values as a tensor on the device."""
        device = choose(self.device, cards=torch.cuda.device_count())
        return torch.tensor(values, device=device)
