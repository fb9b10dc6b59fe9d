"""A notebook as a script: classes are in ``__main__``, and cells redefine names.

The script writes the result of each cell as JSON, for `test_notebook_designs`. It does
nothing when pytest imports it to search for doctests.
"""

import json
import pickle
import sys

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from torch import nn

from affuse.fuse.sklearn.estimator import Design, FusionRegressor, ccc_scorer

if __name__ == "__main__":
    rng = np.random.default_rng(0)
    y = rng.normal(size=(90, 2))
    X = np.hstack([y @ rng.normal(size=(2, 4)), y[:, :1] @ rng.normal(size=(1, 3))])
    X += 0.3 * rng.normal(size=X.shape)
    QUICK = {
        "columns": {"audio": 4, "text": 3},
        "reduce": "none",
        "hidden": 8,
        "epochs": 4,
        "learning_rate": 0.05,
    }
    SEARCH = {"scoring": ccc_scorer, "cv": 2, "refit": False}
    found = {}

    def predicted(model):
        return model.fit(X, y).predict(X)[:3].tolist()

    def searched(fusions, **options):
        search = GridSearchCV(FusionRegressor(**QUICK), {"fusion": fusions}, **SEARCH)
        return search.set_params(**options).fit(X, y).cv_results_["mean_test_score"]

    def raised(function, *args, **options):
        try:
            function(*args, **options)
        except Exception as error:
            return [type(error).__name__, str(error)]
        return []

    # A cell with a design

    MODALITIES = ("audio", "text")

    class Sum(nn.Module):
        """Design that accepts any modalities, so that other ones raise no error."""

        def __init__(self, dims, *, hidden, targets, dropout=0.0):
            super().__init__()
            self.layers = nn.ModuleDict(
                {m: nn.Linear(d, targets) for m, d in dims.items()}
            )

        def forward(self, codes):
            return sum(layer(codes[m]) for m, layer in self.layers.items())

    class Stated(Sum):
        MODALITIES = ("audio", "text")

    class StatedText(Sum):
        MODALITIES = ("text",)

    earlier = FusionRegressor(Sum, **QUICK)
    design = Design(Sum)
    named = FusionRegressor("audio", **QUICK).set_params(fusion=Sum)
    assigned = FusionRegressor("audio", **QUICK)
    assigned.fusion = Sum

    # A later cell with another design

    MODALITIES = ("text",)
    TOLERANT = False

    found["stated"] = predicted(FusionRegressor(Stated, **QUICK))
    found["text"] = predicted(FusionRegressor(StatedText, **QUICK))
    found["earlier"] = predicted(earlier)
    found["cloned"] = predicted(clone(clone(earlier)))
    found["pickled"] = predicted(pickle.loads(pickle.dumps(clone(earlier))))
    found["design"] = predicted(FusionRegressor(design, **QUICK))
    found["design cloned"] = predicted(clone(FusionRegressor(design, **QUICK)))
    found["design pickled"] = pickle.loads(pickle.dumps(design)) == design
    found["set"] = predicted(clone(named))
    found["assigned"] = predicted(clone(assigned))
    found["read anew"] = predicted(earlier.set_params(fusion=Sum))

    # Searches, in two processes and in one

    fusions = [design, StatedText, "early"]
    found["one process"] = searched(fusions).tolist()
    found["two processes"] = searched(fusions, n_jobs=2).tolist()
    of_cell = {"cv": 2, "scoring": ccc_scorer, "error_score": "raise"}
    model = FusionRegressor(design, **QUICK)
    found["validated"] = cross_val_score(model, X, y, **of_cell).tolist()
    model = FusionRegressor(Stated, **QUICK)
    found["validated in two"] = cross_val_score(
        model, X, y, n_jobs=2, **of_cell
    ).tolist()

    MODALITIES = ("audio", "text")
    travelling = FusionRegressor(Sum, **QUICK)
    del MODALITIES
    found["travelling"] = cross_val_score(
        travelling, X, y, n_jobs=2, **of_cell
    ).tolist()
    MODALITIES = ("audio", "text")
    found["bare"] = raised(searched, [Sum, "early"], n_jobs=2)
    del MODALITIES
    found["nothing to read"] = raised(FusionRegressor, Sum, **QUICK)
    found["nothing to set"] = raised(earlier.set_params, fusion=Sum)
    found["searched alone"] = raised(searched, ["early", Sum])

    # `TOKENS` of another cell must not apply to this design

    TOKENS = True
    found["leftover"] = raised(Design, Stated)

    sys.stdout.write(json.dumps(found))
