"""Fusion models as a scikit-learn regressor, for notebooks, pipelines and searches.

The embeddings of all modalities stand side by side in one array, and ``columns`` says
where each is. Everything else is `fuse.fit.fit`, under the names of
`fuse.settings.Settings`: what is trained here is what ``cli.py train`` trains.

`fuse.conventions` says which versions of scikit-learn it was tested with.
"""

import copy
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.metrics import make_scorer
from sklearn.utils.validation import check_is_fitted
from torch import nn

from data.device import choose
from data.errors import AffuseError
from fuse import metrics
from fuse.conventions import TRAINING, checked, divide, seed, shown
from fuse.design import Design, find
from fuse.fit import fit
from fuse.places import Columns, places
from fuse.settings import Settings, change
from fuse.tensors import Rows

__all__ = ["Design", "FusionRegressor", "ccc_scorer", "mean_ccc"]


def mean_ccc(truth: ArrayLike, prediction: ArrayLike) -> float:
    """Mean of the CCC of each rating, over all rows.

    Args:
        truth: (n,) or (n, targets), any unit
        prediction: of the same shape and unit

    Returns:
        agreement in [-1, 1]; nan where truth and prediction are the same constant

    Raises:
        AffuseError: if the shapes differ, or a number is not finite

    Examples:
        >>> mean_ccc([[0, 1], [1, 2], [2, 3]], [[0, 3], [1, 2], [2, 1]])
        0.0
    """
    t, p = np.asarray(truth), np.asarray(prediction)
    if t.shape != p.shape:
        raise AffuseError(f"truth has shape {t.shape}, prediction {p.shape}")
    pairs = zip(np.atleast_2d(t.T), np.atleast_2d(p.T), strict=True)
    return float(np.mean([metrics.ccc(*pair) for pair in pairs]))


ccc_scorer = make_scorer(mean_ccc)  # for ``scoring=`` of any search or regressor


class FusionRegressor(MultiOutputMixin, RegressorMixin, BaseEstimator):
    """Autoencoders and a fusion design, trained on the CCC.

    Ratings may have any unit: they are standardised by the training rows, and what is
    predicted is brought back. A part of the rows that are given stops the training
    and chooses the epoch; those of one group are never on both sides.

    Args:
        fusion: name of a design, or a class like those in fuse/designs that states its
            ``MODALITIES``, or a `Design` of such a class. What a class states is read
            when it is given, and travels with the regressor and its clones; where
            classes are tried in parallel, ``MODALITIES`` must be inside them, or each
            be a `Design`
        columns: of each modality in X: a slice, a range, column numbers, or a size;
            sizes count from where the modality before ends. None where the design
            takes a single modality, which then has all columns
        validation_fraction: share of the rows, or of the groups, that is only
            validated on
        random_state: seed of that part, of initial weights, order and dropout; None
            draws one, which is kept as ``seed_``
        device: ``cpu``, ``cuda``, ``cuda:1`` or ``auto``
        **settings: all of `fuse.settings.Settings`, by name, but those
            of `fuse.conventions.OF_A_CORPUS`

    Attributes:
        module_: the trained model, {modality: (n, dim)} -> (n, targets), standardised
        history_: what each epoch came to, with its validation CCC
        validation_: numbers of the rows that were only validated on
        mean_: of each rating, over the training rows
        scale_: their standard deviation
        seed_: the seed
        n_features_in_: columns of X

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> y = rng.normal(size=(200, 2))  # two ratings, any unit
        >>> X = np.hstack([y @ rng.normal(size=(2, 8)), y @ rng.normal(size=(2, 5))])
        >>> model = FusionRegressor("early", columns={"audio": 8, "text": 5})
        >>> model.set_params(learning_rate=0.01, epochs=30).fit(X, y).score(X, y) > 0.9
        True
    """

    @shown
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
        if unknown := sorted(settings.keys() - TRAINING.keys()):
            raise TypeError(
                f"unknown parameter {', '.join(unknown)}; settings are "
                f"{', '.join(TRAINING)}"
            )
        self.fusion = fusion
        self.columns = columns
        self.validation_fraction = validation_fraction
        self.random_state = random_state
        self.device = device
        for name, default in TRAINING.items():
            setattr(self, name, settings.get(name, default))

    @property
    def fusion(self) -> str | type[nn.Module] | Design:
        """The parameter, as it was given."""
        return self._fusion

    @fusion.setter
    def fusion(self, given: str | type[nn.Module] | Design) -> None:
        """Read what a class states about itself, before a later cell changes it.

        Raises:
            AffuseError: if it is a class whose modalities cannot be found
        """
        self._design = Design(given) if isinstance(given, type) else None
        self._fusion = given

    def __sklearn_clone__(self) -> Self:
        """Clone the parameters, and keep what was read of a class."""
        source = copy.copy(self)
        source.fusion = self._design or self.fusion
        found: Self = super(FusionRegressor, source).__sklearn_clone__()
        found._fusion, found._design = self._fusion, self._design
        return found

    def fit(self, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Train on all rows but those that are validated on.

        Args:
            X: (n, features), embeddings side by side
            y: (n,) or (n, targets), any unit
            groups: (n,) of any kind, e.g. speakers

        Raises:
            AffuseError: if a number is not finite, a parameter makes no sense, or there
                is too little to validate on
        """
        x, truth = checked(self, X, y)
        settings, design = self._settings(), self._design or find(self.fusion)
        self._places = places(self.columns, design.modalities, x.shape[1])
        self.seed_ = seed(self.random_state)
        train, self.validation_ = divide(
            truth, groups, share=self.validation_fraction, seed=self.seed_
        )
        self.mean_, self.scale_ = truth[train].mean(axis=0), truth[train].std(axis=0)
        fitted = fit(
            self._rows(x[train], truth[train]),
            self._rows(x[self.validation_], truth[self.validation_]),
            fusion=design,
            settings=settings,
            seed=self.seed_,
            where=type(self).__name__,
        )
        # in float64 a row is predicted alike in any company
        self.module_, self.history_ = fitted.module.double(), fitted.history
        return self

    def predict(self, X: ArrayLike) -> np.ndarray:
        """(n, features) -> as `y` was in training: (n,) or (n, targets), in its unit

        Raises:
            AffuseError: if X has other columns, or a number is not finite
        """
        check_is_fitted(self)
        (x,) = checked(self, X)
        features = {m: self._tensor(x[:, at]).double() for m, at in self._places}
        with torch.inference_mode():
            found = self.module_(features).cpu().numpy()
        shaped = found.reshape(len(x), *np.shape(self.mean_))
        return np.asarray(shaped * self.scale_ + self.mean_)

    def score(self, X: ArrayLike, y: ArrayLike) -> float:
        """Mean CCC of the ratings, in [-1, 1]."""
        return mean_ccc(y, self.predict(X))

    def _settings(self) -> Settings:
        """As they are checked for ``train``; a search brings numbers of numpy."""
        found = {name: getattr(self, name) for name in TRAINING}
        plain = {
            n: v.item() if isinstance(v, np.generic) else v for n, v in found.items()
        }
        return change(Settings(), plain)

    def _rows(self, x: np.ndarray, truth: np.ndarray) -> Rows:
        """On the device, ratings standardised."""
        standard = ((truth - self.mean_) / self.scale_).reshape(len(x), -1)
        return Rows(
            features={m: self._tensor(x[:, at]).float() for m, at in self._places},
            truth=self._tensor(standard).float(),
            targets=tuple(f"target {k}" for k in range(standard.shape[1])),
        )

    def _tensor(self, values: np.ndarray) -> torch.Tensor:
        cards = torch.cuda.device_count()
        return torch.tensor(values, device=choose(self.device, cards=cards))
