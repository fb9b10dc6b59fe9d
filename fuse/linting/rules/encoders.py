"""No encoder was trained on speakers or utterances that it is tested on.

The training data of an encoder is recorded in its recipe, or known from its name
(`affuse.data.cache.training_data`). A corpus is recognised by its name, its reader, the
form of its ids or its inputs. Test inputs in the sample of a record count for any name
of the corpus. Encoders without a record are not examined.
"""

from collections.abc import Iterator

from affuse.data.cache import corpus_matching, fold_encoders, training_data
from affuse.data.cache.corpus_matching import Identity
from affuse.data.cache.recipe import Recipe
from affuse.data.cache.training_data import TrainingRecord
from affuse.data.modality import modality_named
from affuse.fuse.linting.checkpoint_records import (
    CheckpointRecord,
    corpus_identity,
    find_sampled,
    match_record,
)
from affuse.fuse.linting.evidence import Evidence
from affuse.fuse.linting.finding import Finding, examples
from affuse.fuse.linting.member_evidence import by_member
from affuse.fuse.wording import count

NEEDS = ()


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield the findings of each fold and encoder, without repetitions.

    Args:
        evidence: on the run
    """
    for each in by_member(evidence):
        yield from _of_corpus(each)


def _of_corpus(evidence: Evidence) -> Iterator[Finding]:
    """Yield the findings on one training corpus."""
    texts: set[str] = set()
    corpora: dict[str, Identity] = {}
    for fold, recipes in evidence.recipes.items():
        for modality, recipe in recipes.items():
            if modality not in corpora:
                corpora[modality] = corpus_identity(evidence, modality)
            corpus = corpora[modality]
            for part, record in records(recipe):
                for finding in _record(evidence, fold, part, record, corpus):
                    if finding.text not in texts:
                        texts.add(finding.text)
                        yield finding


def records(recipe: Recipe) -> Iterator[tuple[Recipe, TrainingRecord]]:
    """Yield each record of training data, with the recipe of its encoder."""
    for part in recipe.parts:
        for record in training_data.recipe_records(part):
            yield part, record


def _record(
    evidence: Evidence,
    fold: str,
    recipe: Recipe,
    record: TrainingRecord,
    corpus: Identity,
) -> Iterator[Finding]:
    """Yield the findings of one record in the test and validation part of a fold."""
    what = (
        f"the {recipe.modality} encoder {fold_encoders.name(recipe)} has seen "
        f"{record.corpus} ({record.how})"
    )
    how = corpus_matching.matching_feature(record, corpus)
    if how not in ("", "name"):
        what += f", which is this corpus, '{corpus.name}', by its {how}"
    match = match_record(evidence, record, what) if how else None
    if match is None:
        yield from _doubts(what, recipe, record, corpus)
    elif match.by_split and not evidence.corpus:
        match = None
        yield Finding(
            f"{what}, namely its splits {', '.join(record.splits)}; without the corpus "
            f"in the cache, it is not known whether the test part is among them",
            fatal=False,
        )
    else:
        yield from match.unmatched()
    for part in ("test", "validation"):
        rows = evidence.folds.get(fold, {}).get(part, [])
        ids = sorted(row.id for row in rows if match and match.covers(row))
        if ids:
            yield Finding(_sentence(what, fold, part, examples(ids)), part == "test")
        modality = modality_named(recipe.modality)
        if modality.recurs and how and (match is None or _is_complete(match)):
            continue  # Speakers or splits decide; equal texts of others are no leak.
        same = find_sampled(evidence, record, recipe.modality, (row.id for row in rows))
        if not set(same) <= set(ids):
            among = f"the {modality.nouns} of {examples(same)}"
            yield Finding(_sentence(what, fold, part, among), part == "test")


def _is_complete(match: CheckpointRecord) -> bool:
    """Return True if the corpus has all names of a record, so that they decide.

    Equal texts of other speakers are then examined by the rule `sentences`.
    """
    return not match.speakers.missing and not (match.by_split and match.splits.missing)


def _doubts(
    what: str, recipe: Recipe, record: TrainingRecord, corpus: Identity
) -> Iterator[Finding]:
    """Yield notes on a corpus that may be that of a record, but is not recognised."""
    is_copied = record in fold_encoders.records(recipe)
    recorded = is_copied or record.reader or record.sample
    shared = corpus_matching.shared_inputs(record, corpus)
    why = (
        corpus_matching.missing_facts(record, corpus) if recorded and not shared else ""
    )
    if shared:
        text = (
            f"{shared} of the {count(len(record.sample), 'input')} in its record "
            f"{'is' if shared == 1 else 'are'} in '{corpus.name}' too"
        )
        yield Finding(f"{what}, and {text}", fatal=False, said=True)
    if why:
        text = f"'{corpus.name}' may be that corpus under another name"
        yield Finding(
            f"{what}; {text}, which cannot be checked, because {why}",
            fatal=False,
            said=True,
        )


def _sentence(what: str, fold: str, part: str, among: str) -> str:
    """Return the sentence on utterances of a part that the encoder has seen."""
    if part == "validation":
        end = "so its validation is too optimistic, but the test is not"
    else:
        end = "test on utterances that it has not seen, or take another checkpoint"
    return f"{what}, including {among} of the {part} part of fold '{fold}'; {end}"
