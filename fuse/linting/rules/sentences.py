"""Sentences of the test that were said in training are counted and scored apart.

Scripted lines recur in every session of some corpora by design, so this is a figure and
no failure, unless the protocol promises otherwise.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from affuse.data.runs.run_folder import RunFolder
from affuse.data.runs.sentence_overlap import key, read_sentences, seen
from affuse.data.splits.protocols import some
from affuse.fuse.inputs.rating_variation import constant
from affuse.fuse.linting.evidence import TRAINED, Evidence
from affuse.fuse.linting.finding import Finding, Skipped, examples
from affuse.fuse.linting.overlap import TEST, promised
from affuse.fuse.scoring.metrics import ccc

NEEDS = ()
LEAST = 10  # new sentences of a fold, to score them apart


def findings(evidence: Evidence) -> Iterator[Finding]:
    """How many are seen; whether sentences.csv says the same; what they are worth.

    Raises:
        Skipped: if no sentence is known
    """
    keys = {id_: key(u) for id_, u in evidence.utterances.items()}
    found, written = seen(evidence.rows, keys), read_sentences(evidence.folder)
    if found and written and found != written:
        wrong = sorted({i for (_, i), said in (found.items() ^ written.items())})
        yield Finding(
            f"{RunFolder.sentences} is wrong about {examples(wrong)}; train again, or "
            f"remove it"
        )
    found = found or written
    if not found:
        raise Skipped(
            f"no transcript is known and there is no {RunFolder.sentences}; repeat the "
            f"extract command, which encodes nothing anew"
        )
    ids = sorted({id_ for (_, id_), said in found.items() if said})
    if ids:
        text = (
            f"{len(ids):,} of {len({i for _, i in found}):,} test utterances say what "
            f"training or validation says too: {some(ids)}"
        )
        promise = promised(evidence.info.protocol, "sentence")
        yield Finding(text + _worth(evidence, found), fatal=set(TEST) <= set(promise))


def _worth(evidence: Evidence, found: Mapping[tuple[str, str], bool]) -> str:
    """The CCC on all test utterances and on new sentences, over folds and seeds."""
    if TRAINED in evidence.missing:
        return ""
    p, scores = evidence.joined, []
    for fold, seed in sorted(set(zip(p.fold.tolist(), p.seed.tolist(), strict=True))):
        rows = (p.fold == fold) & (p.seed == seed)
        new = rows & [not found.get((fold, i), True) for i in p.id.tolist()]
        if new.sum() < LEAST:
            return f"; too few of the {int(new.sum())} new ones to score apart"
        if constant(p.truth[new]).any():
            return f"; new ones of fold '{fold}' all have one rating, so no CCC"
        scores.append([_scores(p.truth[r], p.predicted[r]) for r in (rows, new)])
    every, apart = np.mean(scores, axis=0)
    names = evidence.info.targets
    each = ", ".join(
        f"{name} {a:.3f} and {b:.3f}"
        for name, a, b in zip(names, every, apart, strict=True)
    )
    return f"; CCC on all and on new sentences: {each}; report them apart"


def _scores(truth: np.ndarray, predicted: np.ndarray) -> list[float]:
    return [ccc(truth[:, k], predicted[:, k]) for k in range(truth.shape[1])]
