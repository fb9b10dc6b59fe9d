"""No model predicts far outside the scale; one that predicts a constant is named.

A training that diverged to finite numbers leaves predictions like any other.
"""

from collections.abc import Iterator

from data.predictions import PREDICTIONS
from fuse.failure_notes import sentences
from fuse.lint._evidence import TRAINED, Evidence
from fuse.lint._finding import Finding

NEEDS = (TRAINED,)


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Of the joined table: divergence fails, a constant is a figure to know."""
    for sentence, wide in sentences(evidence.joined, evidence.info.targets):
        yield Finding(f"{PREDICTIONS}: {sentence}", fatal=wide)
