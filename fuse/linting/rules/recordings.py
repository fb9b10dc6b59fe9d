"""No recording of the test, and no stretch of one, is in training or validation too.

Two utterances are of one recording if their files or their decoded samples are equal
(as those of a WAV file and its FLAC copy), or if their spans of one file overlap.
Caches of older versions hold neither samples nor spans; a note names them.
"""

from collections.abc import Iterator, Mapping, Sequence

from affuse.data.cache import shared_recordings
from affuse.data.cache.recording_spans import overlap
from affuse.fuse.linting.evidence import CACHE, Evidence
from affuse.fuse.linting.finding import Finding, Skipped, examples
from affuse.fuse.linting.overlap import TEST_PAIRS
from affuse.fuse.linting.timelines import Timelines

NEEDS = (CACHE,)


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield recordings of the test that are in another part of a fold too.

    Args:
        evidence: on the run

    Raises:
        Skipped: if the cache has no embeddings of speech
    """
    if not any(evidence.contents.get("audio", {}).values()):
        raise Skipped("the cache has no digests of recordings")
    for fold in evidence.folds:
        for other, test in TEST_PAIRS:
            ids, others = evidence.ids(fold, test), evidence.ids(fold, other)
            id_of = {key: i for i in others for key in _keys(evidence, i)}
            pairs = {i: id_of[k] for i in ids for k in _keys(evidence, i) if k in id_of}
            yield from _twice(fold, other, pairs)
            rest = [i for i in ids if i not in pairs]
            yield from _shared(evidence, fold, other, rest)
    yield from _unknown(evidence)


def _keys(evidence: Evidence, id_: str) -> tuple[str, ...]:
    """Return keys of an utterance; those of one recording have one in common."""
    content = evidence.contents["audio"].get(id_, "")
    return shared_recordings.keys(content, evidence.stretches.get(id_))


def _twice(fold: str, other: str, pairs: Mapping[str, str]) -> Iterator[Finding]:
    """Yield a finding on equal recordings; `pairs` maps test ids to other ids."""
    if pairs:
        first = min(pairs)
        yield Finding(
            f"fold '{fold}' tests on {examples(sorted(pairs))} whose recording is in "
            f"{other} too: {first} and {pairs[first]} have one recording; remove one "
            f"of each pair from the corpus"
        )


def _shared(
    evidence: Evidence, fold: str, other: str, ids: Sequence[str]
) -> Iterator[Finding]:
    """Yield a finding on test utterances that overlap in time with other parts."""
    lines = Timelines(evidence.ids(fold, other), evidence.stretches)
    spans = {i: evidence.stretches[i] for i in ids if i in evidence.stretches}
    pairs = {i: match for i, stretch in spans.items() if (match := lines.find(stretch))}
    if pairs:
        first = min(pairs)
        seconds = overlap(spans[first], evidence.stretches[pairs[first]])
        yield Finding(
            f"fold '{fold}' tests on {examples(sorted(pairs))} that overlap with a "
            f"stretch of the same recording in {other}: {first} shares {seconds:.2f} s "
            f"with {pairs[first]}; cut the recording without overlap, or put all of it "
            f"into one part"
        )


def _unknown(evidence: Evidence) -> Iterator[Finding]:
    """Yield a note on recordings whose decoded samples could not be compared."""
    used = {row.id for row in evidence.rows} & evidence.contents["audio"].keys()
    hashed = {id_ for id_, stretch in evidence.stretches.items() if stretch.samples}
    if lacking := sorted(used - hashed):
        less = "files" if used - evidence.stretches.keys() else "files and spans"
        yield Finding(
            f"the cache of speech holds no digest of the decoded samples of "
            f"{examples(lacking)}, because an older version encoded them, so only "
            f"{less} were compared; to compare samples, remove the cache folder and "
            f"extract again",
            fatal=False,
        )
