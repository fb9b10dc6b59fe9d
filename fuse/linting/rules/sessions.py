"""No session is on both sides of a line that the protocol draws."""

from collections.abc import Iterator

from affuse.fuse.linting.evidence import CORPUS, Evidence
from affuse.fuse.linting.finding import Finding
from affuse.fuse.linting.overlap import overlaps

NEEDS = (CORPUS,)
REMEDY = "correct the sessions of the corpus, or choose another protocol"


def findings(evidence: Evidence) -> Iterator[Finding]:
    """What folds share by sessions of the corpus."""
    names = {id_: u.session for id_, u in evidence.utterances.items()}
    yield from overlaps(evidence, "session", names, remedy=REMEDY)
