"""No model predicts far outside the scale; constant predictions are a note.

A training that diverged to finite numbers still writes predictions.
"""

from collections.abc import Iterator

from affuse.data.runs.run_folder import RunFolder
from affuse.fuse.linting.evidence import TRAINED, Evidence
from affuse.fuse.linting.finding import Finding
from affuse.fuse.scoring.failure_notes import sentences

NEEDS = (TRAINED,)


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield a leak for a diverged training, and a note for constant predictions.

    Args:
        evidence: on the run
    """
    for sentence, wide in sentences(evidence.joined, evidence.info.targets):
        yield Finding(f"{RunFolder.predictions}: {sentence}", fatal=wide)
