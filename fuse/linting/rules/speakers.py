"""No speaker is in two parts that the protocol separates.

Shared speakers are only a note if the protocol does not guarantee separate speakers, as
with the official splits of a corpus.
"""

from collections.abc import Iterator

from affuse.data.name_spellings import spelling
from affuse.data.runs.run_folder import RunFolder
from affuse.fuse.linting.evidence import Evidence
from affuse.fuse.linting.finding import Finding, examples
from affuse.fuse.linting.overlap import guaranteed_pairs, overlaps

NEEDS = ()
REMEDY = "correct the speakers of the corpus, or choose another protocol"


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield shared speakers, unknown ones, and differences from the corpus.

    Args:
        evidence: on the run
    """
    names = {row.id: row.speaker for row in evidence.rows}
    yield from overlaps(evidence, "speaker", names, remedy=REMEDY)
    unknown = sorted(id_ for id_, speaker in names.items() if not spelling(speaker))
    if unknown and guaranteed_pairs(evidence.info.protocol, "speaker"):
        yield Finding(
            f"{examples(unknown)} have no speaker, so protocol "
            f"'{evidence.info.protocol}' cannot keep its guarantee; {REMEDY}"
        )
    speakers = {
        i: evidence.utterances[i].speaker for i in names if i in evidence.utterances
    }
    other = sorted(i for i, s in speakers.items() if spelling(s) != spelling(names[i]))
    if other:
        first = other[0]
        yield Finding(
            f"{RunFolder.folds} and the corpus name another speaker for "
            f"{examples(other)}: '{names[first]}' and '{speakers[first]}' for {first}; "
            f"train again"
        )
