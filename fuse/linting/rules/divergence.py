"""No model predicts far outside the scale; one that predicts a constant is named.

A training that diverged to finite numbers leaves predictions like any other.
"""

from collections.abc import Iterator

from affuse.data.runs.run_folder import RunFolder
from affuse.fuse.linting.evidence import TRAINED, Evidence
from affuse.fuse.linting.finding import Finding
from affuse.fuse.scoring.failure_notes import sentences

NEEDS = (TRAINED,)


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Of the joined table: divergence fails, a constant is a figure to know."""
    for sentence, wide in sentences(evidence.joined, evidence.info.targets):
        yield Finding(f"{RunFolder.predictions}: {sentence}", fatal=wide)
