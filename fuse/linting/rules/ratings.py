"""True ratings equal those of the corpus, by id and by name, and lie on [-1, 1].

Columns in another order and ratings that were joined by position are reported as such.
"""

from collections.abc import Iterator

import numpy as np

from affuse.data.runs.run_folder import RunFolder
from affuse.data.splits.protocols import abbreviate
from affuse.fuse.linting.evidence import CORPUS, TRAINED, Evidence, TrueRatings
from affuse.fuse.linting.finding import Finding, examples

NEEDS = (CORPUS,)
CLOSE = 1e-6  # rounding error of float32 on [-1, 1] and of nine printed digits
REMEDY = "train again from the corpus as it is in the cache"


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield findings on all tables and tensors that hold true ratings.

    Args:
        evidence: on the run
    """
    yield from _repeated(evidence)
    for stated in _stated(evidence):
        yield from _outside(evidence, stated)
        yield from _differing(evidence, stated)


def _stated(evidence: Evidence) -> Iterator[TrueRatings]:
    """Yield the true ratings of the tensors, of the run's table and of each model."""
    if evidence.tensors is not None:
        yield evidence.tensors
    if TRAINED not in evidence.missing:
        yield TrueRatings(
            RunFolder.predictions, evidence.joined.id.tolist(), evidence.joined.truth
        )
        for model in evidence.trained_models():
            p = model.predictions
            yield TrueRatings(
                f"{RunFolder.predictions} of {model.name}", p.id.tolist(), p.truth
            )


def _repeated(evidence: Evidence) -> Iterator[Finding]:
    """Yield pairs of equal ratings of the corpus, such as a column mapped twice."""
    names, values = evidence.info.targets, np.array([*evidence.ratings.values()])
    for j, name in enumerate(names):
        for k in range(j):
            if len(values) > 1 and np.array_equal(values[:, j], values[:, k]):
                yield Finding(
                    f"{names[k]} and {name} are equal in all {len(values):,} "
                    f"utterances of the corpus; if {name} is in another column, "
                    f"extract again with --map {name}=COLUMN",
                    fatal=False,
                )


def _outside(evidence: Evidence, stated: TrueRatings) -> Iterator[Finding]:
    """Yield values outside [-1, 1], which only the policy ``keep`` allows."""
    wide = np.abs(stated.truth).max(axis=1) > 1 + CLOSE
    if wide.any():
        kept = evidence.info.settings.get("out_of_range") == "keep"
        ids = sorted({id_ for id_, out in zip(stated.ids, wide, strict=True) if out})
        end = "which out_of_range=keep allows" if kept else REMEDY
        yield Finding(
            f"{stated.where}: {examples(ids)} with a rating outside [-1, 1]; {end}",
            fatal=not kept,
        )


def _differing(evidence: Evidence, stated: TrueRatings) -> Iterator[Finding]:
    """Yield columns that differ from the rating of their name in the corpus."""
    expected, names = evidence.truth(stated.ids), evidence.info.targets
    for k, name in enumerate(names):
        column = stated.truth[:, k]
        wrong = ~(np.abs(column - expected[:, k]) <= CLOSE)
        if not wrong.any():
            continue
        ids = sorted({i for i, w in zip(stated.ids, wrong, strict=True) if w})
        others = [
            other
            for j, other in enumerate(names)
            if j != k and np.allclose(column, expected[:, j], rtol=0, atol=CLOSE)
        ]
        if others:
            listed = abbreviate(others)
            why = f"it holds the corpus's {listed}: columns are in another order"
        elif np.allclose(np.sort(column), np.sort(expected[:, k]), rtol=0, atol=CLOSE):
            why = "the values are right but at other utterances: joined by position"
        else:
            first = int(np.argmax(wrong))
            why = (
                f"{stated.ids[first]} has {column[first]:.6g}, in the corpus "
                f"{expected[first, k]:.6g}"
            )
        yield Finding(
            f"{stated.where}: {name} of {examples(ids)} is not the corpus's; {why}; "
            f"{REMEDY}"
        )
