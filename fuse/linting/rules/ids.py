"""Every utterance of a fold's test part is scored exactly once, and no others are.

Tables, folds and cache are joined by id. Missing and additional ids are reported.
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
    """Yield findings on the table of the run, each model's table, corpus and cache.

    Args:
        evidence: on the run
    """
    joined = evidence.joined
    yield from _table(evidence, RunFolder.predictions, joined)
    for model in evidence.trained_models():
        table = model.predictions
        where = f"{model.fold}/{model.folder.name}/{RunFolder.predictions}"
        yield from _table(evidence, where, table)
        if set(table.fold) != {model.fold} or set(table.seed) != {model.seed}:
            yield Finding(f"{where} is of another fold or seed; {REMEDY}")
        rows = (joined.fold == model.fold) & (joined.seed == model.seed)
        if rows.any() and not _equal(joined, rows, table):
            yield Finding(
                f"{RunFolder.predictions} of the run differs from {where}; {REMEDY}"
            )
    yield from _sources(evidence)


def _table(
    evidence: Evidence, where: str, predictions: Predictions
) -> Iterator[Finding]:
    """Yield missing and additional utterances of each fold and seed of a table."""
    p, seeds = predictions, set(predictions.seed.tolist())
    folds = set(p.fold.tolist())
    if where == RunFolder.predictions:  # The table of the run must have all folds.
        folds |= set(evidence.folds)
    for fold in sorted(folds):
        tested = set(evidence.ids(fold, "test"))
        for seed in sorted(seeds):
            scored = set(p.id[(p.fold == fold) & (p.seed == seed)].tolist())
            for words, ids in (
                ("lacks {}", tested - scored),
                ("has {} outside the test part", scored - tested),
            ):
                if ids:
                    yield Finding(
                        f"{where} {words.format(examples(sorted(ids)))} of fold "
                        f"'{fold}', seed {seed}; {REMEDY}"
                    )


def _equal(joined: Predictions, rows: np.ndarray, table: Predictions) -> bool:
    """Return True if rows of the run's table equal the table of one model."""
    return len(table) == rows.sum() and all(
        np.array_equal(getattr(joined, name)[rows], getattr(table, name))
        for name in ("id", "truth", "predicted")
    )


def _sources(evidence: Evidence) -> Iterator[Finding]:
    """Yield utterances of the run that the corpus or the cache lacks."""
    used = {row.id for row in evidence.rows}
    sources = {}
    if CORPUS not in evidence.missing:
        sources["the corpus in the cache"] = evidence.utterances.keys()
    if CACHE not in evidence.missing:
        for modality, digests in evidence.contents.items():
            sources[f"the {modality} embeddings"] = digests.keys()
    for where, ids in sources.items():
        if lost := sorted(used - ids):
            yield Finding(
                f"{examples(lost)} of the run are not in {where}; extract again, and "
                f"train again"
            )
