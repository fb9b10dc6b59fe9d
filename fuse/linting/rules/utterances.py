"""No utterance is in two parts of a fold, twice in one, or in tests of two folds."""

from collections import Counter
from collections.abc import Iterator
from itertools import combinations

from affuse.data.splits.protocols import PARTS
from affuse.fuse.linting.evidence import Evidence
from affuse.fuse.linting.finding import Finding, examples

NEEDS = ()
REMEDY = "train again into an empty folder of runs"


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield repeated utterances in each fold, then over all folds.

    Args:
        evidence: on the run
    """
    for fold in evidence.folds:
        parts = {part: Counter(evidence.ids(fold, part)) for part in PARTS}
        for part, ids in parts.items():
            if not ids:
                yield Finding(f"fold '{fold}' has no utterance in {part}; {REMEDY}")
            if twice := sorted(i for i, n in ids.items() if n > 1):
                yield Finding(
                    f"fold '{fold}' has {examples(twice)} twice in {part}; {REMEDY}"
                )
        for one, other in combinations(PARTS, 2):
            if both := sorted(parts[one].keys() & parts[other].keys()):
                yield Finding(
                    f"fold '{fold}' has {examples(both)} both in {one} and in {other}; "
                    f"{REMEDY}"
                )
    tests = Counter(i for fold in evidence.folds for i in evidence.ids(fold, "test"))
    if again := sorted(id_ for id_, n in tests.items() if n > 1):
        yield Finding(
            f"the test parts of several folds share {examples(again)}, which would be "
            f"scored several times; {REMEDY}"
        )
