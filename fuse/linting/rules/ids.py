"""Every utterance that was scored is one of its fold's test part, once, and all are.

Tables, folds and cache are joined by id; what does not join, or was lost or added on
the way, is named.
"""

from collections.abc import Iterator

import numpy as np

from affuse.data.runs.run_folder import RunFolder
from affuse.data.runs.run_predictions import Predictions
from affuse.fuse.linting.evidence import CACHE, CORPUS, TRAINED, Evidence
from affuse.fuse.linting.finding import Finding, examples

NEEDS = (TRAINED,)
REMEDY = "remove the table and train again"


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Of the joined table, of each model's own, and of corpus and cache."""
    joined = evidence.joined
    yield from _table(evidence, RunFolder.predictions, joined)
    for unit in evidence.units():
        own = unit.predictions
        where = f"{unit.fold}/{unit.folder.name}/{RunFolder.predictions}"
        yield from _table(evidence, where, own)
        if set(own.fold) != {unit.fold} or set(own.seed) != {unit.seed}:
            yield Finding(f"{where} is of another fold or seed; {REMEDY}")
        rows = (joined.fold == unit.fold) & (joined.seed == unit.seed)
        if rows.any() and not _equal(joined, rows, own):
            yield Finding(
                f"{RunFolder.predictions} of the run is not what {where} says; {REMEDY}"
            )
    yield from _sources(evidence)


def _table(
    evidence: Evidence, where: str, predictions: Predictions
) -> Iterator[Finding]:
    """Whether each fold and seed of a table has all test utterances and no others."""
    p, seeds = predictions, set(predictions.seed.tolist())
    folds = set(p.fold.tolist())
    if where == RunFolder.predictions:  # that of the run has all folds with all seeds
        folds |= set(evidence.folds)
    for fold in sorted(folds):
        wanted = set(evidence.ids(fold, "test"))
        for seed in sorted(seeds):
            found = set(p.id[(p.fold == fold) & (p.seed == seed)].tolist())
            for words, ids in (
                ("lacks", wanted - found),
                ("has, though they are not in the test part,", found - wanted),
            ):
                if ids:
                    yield Finding(
                        f"{where} {words} {examples(sorted(ids))} of fold '{fold}', "
                        f"seed {seed}; {REMEDY}"
                    )


def _equal(joined: Predictions, rows: np.ndarray, own: Predictions) -> bool:
    """Whether the joined table repeats one model's."""
    return len(own) == rows.sum() and all(
        np.array_equal(getattr(joined, name)[rows], getattr(own, name))
        for name in ("id", "truth", "predicted")
    )


def _sources(evidence: Evidence) -> Iterator[Finding]:
    """Utterances that corpus or cache do not know."""
    used = {row.id for row in evidence.rows}
    known = {}
    if CORPUS not in evidence.missing:
        known["the corpus in the cache"] = evidence.utterances.keys()
    if CACHE not in evidence.missing:
        for modality, found in evidence.contents.items():
            known[f"the {modality} embeddings"] = found.keys()
    for where, ids in known.items():
        if lost := sorted(used - ids):
            yield Finding(
                f"{examples(lost)} of the run are not in {where}; extract again, and "
                f"train again"
            )
