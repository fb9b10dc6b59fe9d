"""scikit-learn's conventions: parameters that can be read, checks, seeds, divisions.

Tested with scikit-learn 1.9.1. Before 1.6 `checked` asks for the same checks in the
older way, which was written from the documentation and has not been run.
"""

import inspect
import math
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit
from sklearn.utils import check_random_state

from affuse.data.errors import AffuseError
from affuse.fuse.setting_scopes import names_of_rows
from affuse.fuse.settings import Settings

# No parameters here: the user gives the rows, and baselines are no regressors of ours
OF_A_CORPUS = names_of_rows(Settings)
TRAINING = {f.name: f.default for f in fields(Settings) if f.name not in OF_A_CORPUS}
FEWEST = 4  # rows: two to train on, and two, because one has no CCC
DRAWS = 100  # of the rows to validate on, at most
HELD = 5  # rows to validate on, at least, where that is not more than half


def shown(init: Callable[..., None]) -> Callable[..., None]:
    """Show the settings among the parameters, as scikit-learn and notebooks read them.

    So a setting is a parameter as soon as there is one, with the same default.
    """
    signature = inspect.signature(init)
    own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    settings = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=value, annotation=type(value)
        )
        for name, value in TRAINING.items()
    ]
    shown = signature.replace(parameters=[*own, *settings])
    init.__signature__ = shown  # type: ignore[attr-defined]
    return init


def checked(model: BaseEstimator, X: ArrayLike, *y: ArrayLike) -> tuple[Any, ...]:
    """X, and y in training, as finite arrays, by scikit-learn's own checks.

    They keep the number and names of the columns in training, and compare them later.

    Raises:
        AffuseError: if something is not finite, not numbers, or of the wrong shape
    """
    wanted: dict[str, Any] = {"dtype": [np.float64, np.float32]}
    if y:
        wanted |= {"multi_output": True, "y_numeric": True}
        wanted["ensure_min_samples"] = FEWEST
    try:
        from sklearn.utils.validation import validate_data
    except ImportError:  # before scikit-learn 1.6 it was a method
        found = model._validate_data(X, *y, reset=bool(y), **wanted)
    else:
        found = validate_data(model, X, *y, reset=bool(y), **wanted)
    return (found[0], np.asarray(found[1], np.float64)) if y else (found,)


def seed(random_state: int | np.random.RandomState | None) -> int:
    """A whole number as it is, so that it means what it does for ``train``."""
    if isinstance(random_state, int | np.integer):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


def divide(
    truth: np.ndarray, groups: ArrayLike | None, *, share: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the rows to train on, and of those to validate on, ascending.

    It is the first draw that leaves every rating some variation on both sides.

    Args:
        truth: (rows,) or (rows, targets)
        groups: (rows,) of any kind; None where each row is one
        share: of the groups to validate on
        seed: of which they are

    Raises:
        AffuseError: if the share is no share, there is one group only, or no draw
            leaves a rating that varies
    """
    rows = len(truth)
    if not 0 < share < 1:
        raise AffuseError(f"validation_fraction={share}: it must be between 0 and 1")
    if groups is None:
        count = max(math.ceil(share * rows), min(HELD, rows // 2))
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
        f"rows of one side, and has no CCC there; leave out what hardly varies, or "
        f"change validation_fraction"
    )
