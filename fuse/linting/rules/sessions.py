"""No session is in two parts that the protocol separates."""

from collections.abc import Iterator

from affuse.fuse.linting.evidence import CORPUS, Evidence
from affuse.fuse.linting.finding import Finding
from affuse.fuse.linting.overlap import overlaps

NEEDS = (CORPUS,)
REMEDY = "correct the sessions of the corpus, or choose another protocol"


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield sessions of the corpus that parts of a fold share.

    Args:
        evidence: on the run
    """
    names = {id_: u.session for id_, u in evidence.utterances.items()}
    yield from overlaps(evidence, "session", names, remedy=REMEDY)
