"""Utterances of a test corpus that an encoder of a run was trained on.

The rule `affuse.fuse.linting.rules.encoders` states the same of a run's own test parts,
in sentences, and fails. Here the utterances are named, so that they can be left out.
"""

from collections.abc import Iterator

from affuse.data.cache import corpus_matching
from affuse.fuse.linting.checkpoint_records import (
    corpus_identity,
    find_sampled,
    match_record,
)
from affuse.fuse.linting.evidence import Evidence
from affuse.fuse.linting.rules import encoders


def find_seen_by_encoders(evidence: Evidence) -> set[str]:
    """Return the ids of a test corpus that an encoder of any fold was trained on.

    Args:
        evidence: whose folds have the test corpus as their test part
    """
    return {
        id_
        for fold, recipes in evidence.recipes.items()
        for modality in recipes
        for id_ in _seen(evidence, fold, modality)
    }


def _seen(evidence: Evidence, fold: str, modality: str) -> Iterator[str]:
    """Yield the test utterances of a fold that the encoders of a modality have seen."""
    corpus = corpus_identity(evidence, modality)
    rows = evidence.folds.get(fold, {}).get("test", [])
    for _, record in encoders.records(evidence.recipes[fold][modality]):
        if corpus_matching.matching_feature(record, corpus):
            match = match_record(evidence, record, record.corpus)
            yield from (row.id for row in rows if match.covers(row))
        yield from find_sampled(evidence, record, modality, (row.id for row in rows))


def doubts(evidence: Evidence) -> tuple[str, ...]:
    """Return sentences on corpora that may be the test corpus under another name.

    Args:
        evidence: as of `find_seen_by_encoders`
    """
    return tuple(f.text for f in encoders.findings(evidence) if f.said)
