"""What an encoder was trained on, found again in the corpus of a run."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from affuse.data.cache import corpus_matching, training_data
from affuse.data.cache.corpus_matching import MANY, Identity, Matched
from affuse.data.cache.recording_spans import SILENT
from affuse.data.cache.training_data import Seen
from affuse.data.modality import modality_named
from affuse.data.name_spellings import spelling
from affuse.data.runs.fold_table import FoldRow
from affuse.data.splits.protocols import some
from affuse.fuse.linting.evidence import Evidence
from affuse.fuse.linting.finding import Finding
from affuse.fuse.wording import count

FEWEST = 2  # texts; one that is equal is said anywhere


@dataclass(frozen=True)
class CheckpointRecord:
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
            yield self._unmatched("speaker", self.speakers, _speakers(self.evidence))
        if self.by_split and self.splits.missing:
            yield self._unmatched("split", self.splits, _splits(self.evidence))

    def _unmatched(self, noun: str, found: Matched, there: Iterable[str]) -> Finding:
        known = some(n for n in there if spelling(n)) or "none"
        number = len(found.missing)
        return Finding(
            f"{self.what}, and {count(number, noun)} that it was trained on "
            f"{'is' if number == 1 else 'are'} none of this corpus: "
            f"{some(found.missing)}; it has {known}; if the spelling differs, correct "
            f"{training_data.FILE} of the checkpoint and extract again",
            fatal=False,
            said=True,
        )


def matched(evidence: Evidence, record: Seen, what: str) -> CheckpointRecord:
    """Find the speakers and splits of a record in the corpus of a run."""
    return CheckpointRecord(
        evidence,
        record,
        what,
        corpus_matching.speakers(record, sorted(_speakers(evidence))),
        corpus_matching.splits(record, sorted(_splits(evidence))),
    )


def corpus_identity(evidence: Evidence, modality: str) -> Identity:
    """Return what the corpus of a run is known by.

    Args:
        evidence: of the run
        modality: whose inputs are compared
    """
    heard = evidence.stretches if modality_named(modality).has_times else ()
    ids = {*evidence.contents.get(modality, {}), *heard}
    inputs = _inputs(evidence, modality, ids)
    return Identity(
        evidence.info.corpus,
        evidence.corpus.reader if evidence.corpus else "",
        tuple({row.id for row in evidence.rows}),
        frozenset[str]().union(*inputs.values()),
    )


def sampled(
    evidence: Evidence, record: Seen, modality: str, ids: Iterable[str]
) -> Sequence[str]:
    """Return the utterances whose own input was trained on, by the record's sample.

    No two recordings are equal by chance, so each counts. Texts recur: they count
    if at least `FEWEST` of the texts and a share of `MANY` are in the sample.

    Returns:
        ids, sorted; none if no cache or no sample is at hand
    """
    inputs = _inputs(evidence, modality, ids)
    known = frozenset(record.sample)
    found = sorted(id_ for id_, own in inputs.items() if own & known)
    if not modality_named(modality).recurs:
        return found
    every = frozenset[str]().union(*inputs.values())
    enough = len(every & known) >= max(FEWEST, MANY * len(every))
    return found if enough else []


def _inputs(
    evidence: Evidence, modality: str, ids: Iterable[str]
) -> dict[str, frozenset[str]]:
    """Return `shortened` digests of inputs, by id; those of decoded samples as well.

    A silent recording has none, because files of silence are equal by chance.
    """
    contents, found = evidence.contents.get(modality, {}), {}
    heard = modality_named(modality).has_times
    for id_ in ids:
        stretch = evidence.stretches.get(id_) if heard else None
        samples = stretch.samples if stretch else ""
        own = () if samples == SILENT else (contents.get(id_, ""), samples)
        found[id_] = corpus_matching.shortened(own)
    return found


def _speakers(evidence: Evidence) -> set[str]:
    """Speakers as folds.csv spells them, and all of the corpus."""
    rows = {row.speaker for row in evidence.rows}
    return rows | {u.speaker for u in evidence.utterances.values()}


def _splits(evidence: Evidence) -> set[str]:
    return {u.split for u in evidence.utterances.values()}
