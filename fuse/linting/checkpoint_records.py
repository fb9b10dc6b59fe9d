"""Match of an encoder's training data with the corpus of a run.

The records themselves are read in `affuse.data.cache.training_data`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from affuse.data.cache import corpus_matching, training_data
from affuse.data.cache.corpus_matching import MANY, Identity, NameMatches
from affuse.data.cache.recording_spans import SILENT
from affuse.data.cache.training_data import TrainingRecord
from affuse.data.modality import modality_named
from affuse.data.name_spellings import spelling
from affuse.data.runs.fold_table import FoldRow
from affuse.data.splits.protocols import abbreviate
from affuse.fuse.linting.evidence import Evidence
from affuse.fuse.linting.finding import Finding
from affuse.fuse.wording import count

FEWEST = 2  # texts in common; a single equal text may be a coincidence


@dataclass(frozen=True)
class CheckpointRecord:
    """Record of an encoder's training data, matched with the corpus of a run."""

    evidence: Evidence
    seen: TrainingRecord
    what: str  # beginning of every message on this record
    speakers: NameMatches
    splits: NameMatches

    @property
    def by_split(self) -> bool:
        """True if the splits of the corpus decide which utterances were trained on.

        It is False if the record names speakers and the protocol separates speakers.
        Then a tested utterance may be in another split, but the encoder was trained on
        its speaker.
        """
        separates_speakers = self.evidence.info.protocol != "official"
        return bool(self.seen.splits) and not (
            self.seen.speakers and separates_speakers
        )

    def covers(self, row: FoldRow) -> bool:
        """Return True if the encoder was trained on an utterance or its speaker.

        Args:
            row: of the fold table
        """
        if self.seen.speakers and row.speaker not in self.speakers.names:
            return False
        utterance = self.evidence.utterances.get(row.id)
        return not self.by_split or (
            utterance is not None and utterance.split in self.splits.names
        )

    def unmatched(self) -> Iterator[Finding]:
        """Yield a note on speakers and splits of the record that the corpus lacks."""
        if self.speakers.missing:
            yield self._unmatched("speaker", self.speakers, _speakers(self.evidence))
        if self.by_split and self.splits.missing:
            yield self._unmatched("split", self.splits, _splits(self.evidence))

    def _unmatched(
        self, noun: str, match: NameMatches, names: Iterable[str]
    ) -> Finding:
        """Return a note on missing names, with the `names` of the corpus."""
        listing = abbreviate(n for n in names if spelling(n)) or "none"
        number = len(match.missing)
        return Finding(
            f"{self.what}, but {count(number, noun)} in its record "
            f"{'is' if number == 1 else 'are'} not in this corpus: "
            f"{abbreviate(match.missing)}; the corpus has {listing}; if the spelling "
            f"differs, correct {training_data.FILE} of the checkpoint and extract "
            f"again",
            fatal=False,
            said=True,
        )


def match_record(
    evidence: Evidence, record: TrainingRecord, what: str
) -> CheckpointRecord:
    """Return a record with its speakers and splits matched to the corpus of a run.

    Args:
        evidence: of the run
        record: of the encoder's training data
        what: beginning of every message on it
    """
    return CheckpointRecord(
        evidence,
        record,
        what,
        corpus_matching.speakers(record, sorted(_speakers(evidence))),
        corpus_matching.splits(record, sorted(_splits(evidence))),
    )


def corpus_identity(evidence: Evidence, modality: str) -> Identity:
    """Return the features that identify the corpus of a run.

    Args:
        evidence: of the run
        modality: the inputs of this modality are compared
    """
    stretches = evidence.stretches if modality_named(modality).has_times else ()
    ids = {*evidence.contents.get(modality, {}), *stretches}
    inputs = _inputs(evidence, modality, ids)
    return Identity(
        evidence.info.corpus,
        evidence.corpus.reader if evidence.corpus else "",
        tuple({row.id for row in evidence.rows}),
        frozenset[str]().union(*inputs.values()),
    )


def find_sampled(
    evidence: Evidence, record: TrainingRecord, modality: str, ids: Iterable[str]
) -> Sequence[str]:
    """Return the utterances whose input is in the sample of a training record.

    Recordings are never equal by chance, so each match counts. Texts recur, so they
    count only if at least `FEWEST` of them and a share of `MANY` are in the sample.

    Args:
        evidence: of the run
        record: of the encoder's training data
        modality: of the encoder
        ids: of the utterances to look for

    Returns:
        ids, sorted; empty if the cache or the sample is missing
    """
    inputs = _inputs(evidence, modality, ids)
    sample = frozenset(record.sample)
    matches = sorted(id_ for id_, digests in inputs.items() if digests & sample)
    if not modality_named(modality).recurs:
        return matches
    every = frozenset[str]().union(*inputs.values())
    enough = len(every & sample) >= max(FEWEST, MANY * len(every))
    return matches if enough else []


def _inputs(
    evidence: Evidence, modality: str, ids: Iterable[str]
) -> dict[str, frozenset[str]]:
    """Return shortened digests of files and of decoded samples, by id.

    A silent recording has none, because files of silence are equal by chance.
    """
    contents, inputs = evidence.contents.get(modality, {}), {}
    has_times = modality_named(modality).has_times
    for id_ in ids:
        stretch = evidence.stretches.get(id_) if has_times else None
        samples = stretch.samples if stretch else ""
        digests = () if samples == SILENT else (contents.get(id_, ""), samples)
        inputs[id_] = corpus_matching.shorten_digests(digests)
    return inputs


def _speakers(evidence: Evidence) -> set[str]:
    """Return the speakers of folds.csv and of the corpus, each as spelt there."""
    rows = {row.speaker for row in evidence.rows}
    return rows | {u.speaker for u in evidence.utterances.values()}


def _splits(evidence: Evidence) -> set[str]:
    """Return the splits of the corpus."""
    return {u.split for u in evidence.utterances.values()}
