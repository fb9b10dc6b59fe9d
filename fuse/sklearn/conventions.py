"""Conventions of scikit-learn: visible parameters, input checks, seeds, divisions.

Tested with scikit-learn 1.9.1. For versions before 1.6, `check_arrays` calls the older
function for the same checks. That branch follows the documentation and was not run.
"""

import inspect
import math
from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit
from sklearn.utils import check_random_state

from affuse.data.errors import AffuseError
from affuse.fuse.setting_scopes import row_setting_names
from affuse.fuse.settings import Settings

# These settings are no parameters of the regressor, because the user passes the rows
# and their columns, and baselines are not among its designs.
ROW_SETTINGS = row_setting_names(Settings)
# settings that need columns or single ratings of a corpus
OF_COLUMNS = ("auxiliary", "agreement", "weighting")
OF_CACHES = ("layers", "pooling")  # what to take of a cache
LEFT_OUT = tuple(dict.fromkeys((*ROW_SETTINGS, *OF_COLUMNS, *OF_CACHES)))
TRAINING_SETTINGS = {
    f.name: f.default for f in fields(Settings) if f.name not in LEFT_OUT
}
LEAST_ROWS = 4  # rows: two for training and two for validation, as one row has no CCC
DRAWS = 100  # largest number of draws of the validation rows
LEAST_VALIDATION_ROWS = (
    5  # least number of validation rows, unless that is more than half
)


def expose_settings(init: Callable[..., None]) -> Callable[..., None]:
    """Add all settings to the signature, which scikit-learn and notebooks read.

    A new setting thus becomes a parameter with the same default.

    Args:
        init: an ``__init__`` that takes ``**settings``
    """
    signature = inspect.signature(init)
    named = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    settings = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=value, annotation=type(value)
        )
        for name, value in TRAINING_SETTINGS.items()
    ]
    extended = signature.replace(parameters=[*named, *settings])
    init.__signature__ = extended  # type: ignore[attr-defined]
    return init


def demand_parameters(settings: Iterable[str]) -> None:
    """Raise an error if a name is that of no parameter.

    Args:
        settings: names that the caller passed

    Raises:
        TypeError: naming the parameters that are settings
    """
    unknown = sorted({*settings} - TRAINING_SETTINGS.keys())
    if cached := [name for name in unknown if name in OF_CACHES]:
        chosen = ", ".join(f"{name}=..." for name in cached)
        raise TypeError(
            f"{' and '.join(cached)} cannot be chosen here, because X holds the "
            f"columns to train on; choose them where these are read: "
            f"load_dataset(..., features=FeatureChoice({chosen}))"
        )
    if unknown:
        raise TypeError(
            f"unknown parameter {', '.join(unknown)}; settings are "
            f"{', '.join(TRAINING_SETTINGS)}"
        )


def check_arrays(model: BaseEstimator, X: ArrayLike, *y: ArrayLike) -> tuple[Any, ...]:
    """Return X, and y in training, as finite arrays after scikit-learn's checks.

    The checks store the number and names of columns in training, and compare them in
    prediction.

    Args:
        model: the regressor
        X: (n, features)
        y: (n,) or (n, targets) in training; absent in prediction

    Raises:
        AffuseError: if a value is not a finite number, or a shape is wrong
    """
    checks: dict[str, Any] = {"dtype": [np.float64, np.float32]}
    if y:
        checks |= {"multi_output": True, "y_numeric": True}
        checks["ensure_min_samples"] = LEAST_ROWS
    try:
        from sklearn.utils.validation import validate_data
    except ImportError:  # Before scikit-learn 1.6 it was a method.
        arrays = model._validate_data(X, *y, reset=bool(y), **checks)
    else:
        arrays = validate_data(model, X, *y, reset=bool(y), **checks)
    return (arrays[0], np.asarray(arrays[1], np.float64)) if y else (arrays,)


def seed(random_state: int | np.random.RandomState | None) -> int:
    """Return a seed; an integer is unchanged, so that it equals that of ``train``.

    Args:
        random_state: as for scikit-learn
    """
    if isinstance(random_state, int | np.integer):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


def divide(
    truth: np.ndarray, groups: ArrayLike | None, *, share: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of the training rows and of the validation rows, ascending.

    They are those of the first draw in which every rating varies in both parts.

    Args:
        truth: (rows,) or (rows, targets)
        groups: (rows,) group of each row, of any type; None makes each row a group
        share: share of the groups for validation, between 0 and 1
        seed: of the draws

    Raises:
        AffuseError: if the share is not between 0 and 1, if all rows are of one group,
            or if a rating is constant in a part of every draw
    """
    rows = len(truth)
    if not 0 < share < 1:
        raise AffuseError(f"validation_fraction={share}: it must be between 0 and 1")
    if groups is None:
        count = max(math.ceil(share * rows), min(LEAST_VALIDATION_ROWS, rows // 2))
        splitter = ShuffleSplit(DRAWS, test_size=count, random_state=seed)
    else:
        groups = np.asarray(groups)
        if len(groups) == rows and len(np.unique(groups)) < 2:
            raise AffuseError(
                f"all {rows} rows are of one group, so none is left to validate "
                f"on; give finer groups, or none"
            )
        splitter = GroupShuffleSplit(DRAWS, test_size=share, random_state=seed)
    for train, held in splitter.split(truth, groups=groups):
        if all(np.ptp(truth[part], axis=0).all() for part in (train, held)):
            return np.sort(train), np.sort(held)
    raise AffuseError(
        f"in {DRAWS} draws of rows to validate on, a rating was always the same in all "
        f"rows of one part, and has no CCC there; leave out ratings that hardly vary, "
        f"or change validation_fraction"
    )
