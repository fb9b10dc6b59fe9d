"""Runs in memory with generated predictions, for tests of statistics."""

from pathlib import Path

import numpy as np

from affuse.data.runs.run_information import RunInfo
from affuse.data.runs.run_predictions import FoldRow, Predictions, Run

TARGETS = ("valence", "arousal", "dominance")


def make_run(
    *, folds=2, seeds=3, dialogues=4, turns=5, gain=0.6, noise=0.3, first=0, known=True
):
    """Return a run whose predictions are `gain` times the truth, plus its own noise."""
    rng = np.random.default_rng(first)
    truth_rng = np.random.default_rng(99)  # every run has the same true ratings
    rows, columns = [], []
    for fold in map(str, range(1, folds + 1)):
        ids = []
        for d in range(dialogues):
            for u in range(turns):
                ids.append(f"s{fold}_d{d}_{u}")
                dialogue = f"s{fold}_d{d}" if known else ""
                rows.append(
                    FoldRow(fold, "test", ids[-1], f"{fold}F", dialogue, d % 2 == 1)
                )
        truth = truth_rng.normal(0, 0.4, (len(ids), 3))
        for seed in range(first, first + seeds):
            predicted = gain * truth + rng.normal(0, noise, truth.shape)
            order = rng.permutation(len(ids))  # rows of a file may have any order
            columns.append(
                (np.array(ids)[order], fold, seed, truth[order], predicted[order])
            )
    sizes = [len(c[0]) for c in columns]
    return Run(
        path=Path("runs/toy"),
        info=RunInfo(
            name=f"toy-{first}",
            design="early",
            corpus="toy",
            nature="human",
            protocol="loso",
            targets=TARGETS,
            encoders={},
            settings={},
        ),
        predictions=Predictions(
            id=np.concatenate([c[0] for c in columns]),
            fold=np.repeat([c[1] for c in columns], sizes),
            seed=np.repeat([c[2] for c in columns], sizes),
            truth=np.concatenate([c[3] for c in columns]),
            predicted=np.concatenate([c[4] for c in columns]),
        ),
        folds=tuple(rows),
    )
