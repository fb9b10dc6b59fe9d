"""No dialogue is in two parts that the protocol separates.

Speakers of one dialogue resemble each other in mood. If one speaker of a dialogue is in
training and the other in the test, the test is easier. The protocols ``speakers`` and
``official`` permit this.
"""

from collections.abc import Iterator

from affuse.fuse.linting.evidence import CORPUS, Evidence
from affuse.fuse.linting.finding import Finding
from affuse.fuse.linting.overlap import overlaps

NEEDS = (CORPUS,)
REMEDY = "correct the dialogues of the corpus, or choose another protocol"


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield dialogues, identified by session and name, that parts of a fold share.

    Args:
        evidence: on the run
    """
    names = {
        id_: f"{u.session}/{u.dialogue}" if u.dialogue else ""
        for id_, u in evidence.utterances.items()
    }
    yield from overlaps(evidence, "dialogue", names, remedy=REMEDY)
