"""No recording of the test, and no stretch of one, is in training or validation too.

Two utterances are of one recording if their files are equal, if their decoded samples
are, as those of a WAV file and its FLAC copy, or if their spans of one file overlap.
Caches of older versions hold neither samples nor spans, which a note says.
"""

from collections.abc import Iterator, Mapping, Sequence

from affuse.data.cache import shared_recordings
from affuse.data.cache.recording_spans import overlap
from affuse.fuse.linting.evidence import CACHE, Evidence
from affuse.fuse.linting.finding import Finding, Skipped, examples
from affuse.fuse.linting.overlap import TEST
from affuse.fuse.linting.timelines import Timelines

NEEDS = (CACHE,)


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Compare digests of files and of decoded samples, and spans, in the cache.

    Raises:
        Skipped: if no embeddings of speech are at hand
    """
    if not any(evidence.contents.get("audio", {}).values()):
        raise Skipped("no digests of recordings are at hand")
    for fold in evidence.folds:
        for other, test in TEST:
            ids, others = evidence.ids(fold, test), evidence.ids(fold, other)
            known = {key: i for i in others for key in _keys(evidence, i)}
            pairs = {i: known[k] for i in ids for k in _keys(evidence, i) if k in known}
            yield from _twice(fold, other, pairs)
            rest = [i for i in ids if i not in pairs]
            yield from _shared(evidence, fold, other, rest)
    yield from _unknown(evidence)


def _keys(evidence: Evidence, id_: str) -> tuple[str, ...]:
    """Return what utterances of one recording have in common."""
    content = evidence.contents["audio"].get(id_, "")
    return shared_recordings.keys(content, evidence.stretches.get(id_))


def _twice(fold: str, other: str, pairs: Mapping[str, str]) -> Iterator[Finding]:
    """Name recordings that are there twice; `pairs` are test utterances and others."""
    if pairs:
        first = min(pairs)
        yield Finding(
            f"fold '{fold}' tests on {examples(sorted(pairs))} whose recording is in "
            f"{other} too: that of {first} as {pairs[first]}; remove one of each pair "
            f"from the corpus"
        )


def _shared(
    evidence: Evidence, fold: str, other: str, ids: Sequence[str]
) -> Iterator[Finding]:
    """Name stretches of the test that overlap with others of their file."""
    lines = Timelines(evidence.ids(fold, other), evidence.stretches)
    known = {i: evidence.stretches[i] for i in ids if i in evidence.stretches}
    found = {i: again for i, stretch in known.items() if (again := lines.find(stretch))}
    if found:
        first = min(found)
        seconds = overlap(known[first], evidence.stretches[found[first]])
        yield Finding(
            f"fold '{fold}' tests on {examples(sorted(found))} that overlap with a "
            f"stretch of the same recording in {other}: {first} shares {seconds:.2f} s "
            f"with {found[first]}; cut them apart, or put all of a recording into one "
            f"part"
        )


def _unknown(evidence: Evidence) -> Iterator[Finding]:
    """Say how many recordings could only be compared as files."""
    used = {row.id for row in evidence.rows} & evidence.contents["audio"].keys()
    known = {id_ for id_, stretch in evidence.stretches.items() if stretch.samples}
    if lacking := sorted(used - known):
        less = "files" if used - evidence.stretches.keys() else "files and spans"
        yield Finding(
            f"the cache of speech holds no digest of the decoded samples of "
            f"{examples(lacking)}, because an older version encoded them, so only "
            f"{less} were compared; to compare samples, remove the cache folder and "
            f"extract again",
            fatal=False,
        )
