"""No dialogue is on both sides of a line that the protocol draws.

Who answers whom is alike in mood, so a dialogue with one speaker in training and the
other in the test makes the test easier. The protocol of speakers alone permits it.
"""

from collections.abc import Iterator

from affuse.fuse.linting.evidence import CORPUS, Evidence
from affuse.fuse.linting.finding import Finding
from affuse.fuse.linting.overlap import overlaps

NEEDS = (CORPUS,)
REMEDY = "correct the dialogues of the corpus, or choose another protocol"


def findings(evidence: Evidence) -> Iterator[Finding]:
    """What folds share by dialogues; one is known by its session and its name."""
    names = {
        id_: f"{u.session}/{u.dialogue}" if u.dialogue else ""
        for id_, u in evidence.utterances.items()
    }
    yield from overlaps(evidence, "dialogue", names, remedy=REMEDY)
