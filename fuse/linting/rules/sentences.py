"""Sentence overlap with the training set is counted, and new sentences scored too.

Scripted lines recur in every session of some corpora by design. So an overlap is a
note, and a failure only if the protocol guarantees new sentences.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from affuse.data.runs.run_folder import RunFolder
from affuse.data.runs.sentence_overlap import (
    find_overlaps,
    read_sentences,
    sentence_digest,
)
from affuse.data.splits.protocols import abbreviate
from affuse.fuse.inputs.rating_variation import is_constant
from affuse.fuse.linting.evidence import TRAINED, Evidence
from affuse.fuse.linting.finding import Finding, Skipped, examples
from affuse.fuse.linting.overlap import TEST_PAIRS, guaranteed_pairs
from affuse.fuse.scoring.metrics import ccc
from affuse.fuse.scoring.statistics import LEAST_OF_SECTION

NEEDS = ()


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield the sentence overlap with its effect on the CCC, and faults of its file.

    Args:
        evidence: on the run

    Raises:
        Skipped: if no sentence is known
    """
    keys = {id_: sentence_digest(u) for id_, u in evidence.utterances.items()}
    overlap, record = (
        find_overlaps(evidence.rows, keys),
        read_sentences(evidence.folder),
    )
    if overlap and record and overlap != record:
        wrong = sorted({i for (_, i), _ in (overlap.items() ^ record.items())})
        yield Finding(
            f"{RunFolder.sentences} is wrong about {examples(wrong)}; train again, or "
            f"remove it"
        )
    overlap = overlap or record
    if not overlap:
        raise Skipped(
            f"no transcript is known and there is no {RunFolder.sentences}; repeat the "
            f"extract command, which does not encode anything again"
        )
    ids = sorted({id_ for (_, id_), is_seen in overlap.items() if is_seen})
    if ids:
        text = (
            f"the sentences of {len(ids):,} of {len({i for _, i in overlap}):,} test "
            f"utterances are in training or validation too: {abbreviate(ids)}"
        )
        promise = guaranteed_pairs(evidence.info.protocol, "sentence")
        yield Finding(
            text + _effect(evidence, overlap), fatal=set(TEST_PAIRS) <= set(promise)
        )


def _effect(evidence: Evidence, overlap: Mapping[tuple[str, str], bool]) -> str:
    """Return the mean CCC of all test utterances and of new sentences, in words."""
    if TRAINED in evidence.missing:
        return ""
    p, scores = evidence.joined, []
    for fold, seed in sorted(set(zip(p.fold.tolist(), p.seed.tolist(), strict=True))):
        rows = (p.fold == fold) & (p.seed == seed)
        new = rows & [not overlap.get((fold, i), True) for i in p.id.tolist()]
        if new.sum() < LEAST_OF_SECTION:
            return (
                f"; the CCC on new sentences is not computed, because fold '{fold}' "
                f"has only {int(new.sum())}, and at least {LEAST_OF_SECTION} are needed"
            )
        if is_constant(p.truth[new]).any():
            return (
                f"; the CCC on new sentences is undefined, because those of fold "
                f"'{fold}' all have the same rating"
            )
        scores.append([_scores(p.truth[r], p.predicted[r]) for r in (rows, new)])
    on_all, on_new = np.mean(scores, axis=0)
    names = evidence.info.targets
    each = ", ".join(
        f"{name} {a:.3f} and {b:.3f}"
        for name, a, b in zip(names, on_all, on_new, strict=True)
    )
    return f"; CCC on all and on new sentences: {each}; report both"


def _scores(truth: np.ndarray, predicted: np.ndarray) -> list[float]:
    """Return the CCC of each rating."""
    return [ccc(truth[:, k], predicted[:, k]) for k in range(truth.shape[1])]
