"""What an encoder was trained on, found again in the corpus of a run."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from data import identity, seen
from data.folds import FoldRow
from data.identity import Identity, Matched
from data.seen import Seen
from data.spelling import spelling
from data.splits import some
from fuse.lint._evidence import Evidence
from fuse.lint._finding import Finding


@dataclass(frozen=True)
class Record:
    """A record of what was seen, whose corpus is that of a run."""

    evidence: Evidence
    seen: Seen
    what: str  # the beginning of each sentence
    speakers: Matched
    splits: Matched

    @property
    def by_split(self) -> bool:
        """Whether the corpus's splits tell what was trained on.

        Where speakers are known, they do for every protocol that keeps them apart: what
        is tested may be in another split, and the encoder has heard the speaker all the
        same.
        """
        apart = self.evidence.info.protocol != "official"
        return bool(self.seen.splits) and not (self.seen.speakers and apart)

    def covers(self, row: FoldRow) -> bool:
        """Return True if an utterance is among what was trained on."""
        if self.seen.speakers and row.speaker not in self.speakers.names:
            return False
        known = self.evidence.utterances.get(row.id)
        return not self.by_split or (
            known is not None and known.split in self.splits.names
        )

    def unmatched(self) -> Iterator[Finding]:
        """Name speakers and splits of the record that the corpus does not have."""
        if self.speakers.missing:
            yield self._unmatched("speakers", self.speakers, _speakers(self.evidence))
        if self.by_split and self.splits.missing:
            yield self._unmatched("splits", self.splits, _splits(self.evidence))

    def _unmatched(self, name: str, found: Matched, there: Iterable[str]) -> Finding:
        known = some(n for n in there if spelling(n)) or "none"
        return Finding(
            f"{self.what}, and {len(found.missing)} {name} that it was trained on are "
            f"none of this corpus: {some(found.missing)}; it has {known}; if they are "
            f"spelt otherwise, correct {seen.FILE} of the checkpoint and extract again",
            fatal=False,
            said=True,
        )


def matched(evidence: Evidence, record: Seen, what: str) -> Record:
    """Find the speakers and splits of a record in the corpus of a run."""
    return Record(
        evidence,
        record,
        what,
        identity.speakers(record, sorted(_speakers(evidence))),
        identity.splits(record, sorted(_splits(evidence))),
    )


def corpus_identity(evidence: Evidence, modality: str) -> Identity:
    """Return what the corpus of a run is known by.

    Args:
        evidence: of the run
        modality: whose inputs are compared
    """
    inputs = list(evidence.contents.get(modality, {}).values())
    if modality == "audio":
        inputs += [stretch.samples for stretch in evidence.stretches.values()]
    return Identity(
        evidence.info.corpus,
        evidence.corpus.reader if evidence.corpus else "",
        tuple({row.id for row in evidence.rows}),
        identity.shortened(inputs),
    )


def _speakers(evidence: Evidence) -> set[str]:
    """Speakers as folds.csv spells them, and all of the corpus."""
    rows = {row.speaker for row in evidence.rows}
    return rows | {u.speaker for u in evidence.utterances.values()}


def _splits(evidence: Evidence) -> set[str]:
    return {u.split for u in evidence.utterances.values()}
