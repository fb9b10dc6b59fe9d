"""True ratings are the corpus's, by id and by name, and on [-1, 1].

Valence, arousal and dominance in another order, or joined by position, are named.
"""

from collections.abc import Iterator

import numpy as np

from affuse.data.runs.run_folder import RunFolder
from affuse.data.splits.protocols import some
from affuse.fuse.linting.evidence import CORPUS, TRAINED, Evidence, Stated
from affuse.fuse.linting.finding import Finding, examples

NEEDS = (CORPUS,)
CLOSE = 1e-6  # float32 of a number on [-1, 1], and nine digits of it
REMEDY = "train again from the corpus as it is in the cache"


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Of all tables and tensors that hold true ratings."""
    yield from _repeated(evidence)
    for stated in _stated(evidence):
        yield from _outside(evidence, stated)
        yield from _differing(evidence, stated)


def _stated(evidence: Evidence) -> Iterator[Stated]:
    """Wherever ratings stand."""
    if evidence.tensors is not None:
        yield evidence.tensors
    if TRAINED not in evidence.missing:
        yield Stated(
            RunFolder.predictions, evidence.joined.id.tolist(), evidence.joined.truth
        )
        for unit in evidence.units():
            p = unit.predictions
            yield Stated(
                f"{RunFolder.predictions} of {unit.name}", p.id.tolist(), p.truth
            )


def _repeated(evidence: Evidence) -> Iterator[Finding]:
    """Two ratings of the corpus that are one, as a column that was mapped twice."""
    names, values = evidence.info.targets, np.array([*evidence.ratings.values()])
    for j, name in enumerate(names):
        for k in range(j):
            if len(values) > 1 and np.array_equal(values[:, j], values[:, k]):
                yield Finding(
                    f"{names[k]} and {name} are equal in all {len(values):,} "
                    f"utterances of the corpus; if one column was meant to be another, "
                    f"extract again with --map {name}=COLUMN",
                    fatal=False,
                )


def _outside(evidence: Evidence, stated: Stated) -> Iterator[Finding]:
    """Values that no policy but ``keep`` leaves."""
    wide = np.abs(stated.truth).max(axis=1) > 1 + CLOSE
    if wide.any():
        kept = evidence.info.settings.get("out_of_range") == "keep"
        ids = sorted({id_ for id_, out in zip(stated.ids, wide, strict=True) if out})
        end = "as out_of_range=keep wants it" if kept else REMEDY
        yield Finding(
            f"{stated.where}: {examples(ids)} with a rating outside [-1, 1]; {end}",
            fatal=not kept,
        )


def _differing(evidence: Evidence, stated: Stated) -> Iterator[Finding]:
    """Columns that are not the corpus's rating of their name."""
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
            why = f"it holds the corpus's {some(others)}: columns are in another order"
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
