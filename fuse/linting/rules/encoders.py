"""No encoder was trained on speakers or utterances that it is tested on.

What an encoder has seen stands in its recipe, or is known of its name
(`affuse.data.cache.training_data`). A corpus is recognised by its name, its reader, the
form of its ids or its inputs. Inputs of the test that are in a record's sample count
whatever the corpus is called. Of an encoder that nothing is recorded of, nothing can be
said.
"""

from collections.abc import Iterator

from affuse.data.cache import corpus_matching, fold_encoders, training_data
from affuse.data.cache.corpus_matching import Identity
from affuse.data.cache.recipe import Recipe
from affuse.data.cache.training_data import Seen
from affuse.data.modality import modality_named
from affuse.fuse.linting.checkpoint_records import (
    CheckpointRecord,
    corpus_identity,
    matched,
    sampled,
)
from affuse.fuse.linting.evidence import Evidence
from affuse.fuse.linting.finding import Finding, examples
from affuse.fuse.wording import count

NEEDS = ()


def findings(evidence: Evidence) -> Iterator[Finding]:
    """By fold and encoder."""
    told: set[str] = set()
    corpora: dict[str, Identity] = {}
    for fold, recipes in evidence.recipes.items():
        for modality, recipe in recipes.items():
            if modality not in corpora:
                corpora[modality] = corpus_identity(evidence, modality)
            for record in training_data.of(recipe):
                for found in _record(evidence, fold, recipe, record, corpora[modality]):
                    if found.text not in told:
                        told.add(found.text)
                        yield found


def _record(
    evidence: Evidence, fold: str, recipe: Recipe, record: Seen, corpus: Identity
) -> Iterator[Finding]:
    """What one record says of the test and the validation part of a fold."""
    what = (
        f"the {recipe.modality} encoder {fold_encoders.name(recipe)} has seen "
        f"{record.corpus} ({record.how})"
    )
    how = corpus_matching.recognised(record, corpus)
    if how not in ("", "name"):
        what += f", which is this corpus, '{corpus.name}', by its {how}"
    known = matched(evidence, record, what) if how else None
    if known is None:
        yield from _doubts(what, recipe, record, corpus)
    elif known.by_split and not evidence.corpus:
        known = None
        yield Finding(
            f"{what}, of it the splits {', '.join(record.splits)}; whether the test is "
            f"among them is not known without the corpus",
            fatal=False,
        )
    else:
        yield from known.unmatched()
    for part in ("test", "validation"):
        rows = evidence.folds.get(fold, {}).get(part, [])
        ids = sorted(row.id for row in rows if known and known.covers(row))
        if ids:
            yield Finding(_sentence(what, fold, part, examples(ids)), part == "test")
        modality = modality_named(recipe.modality)
        if modality.recurs and how and (known is None or _told_apart(known)):
            continue  # speakers or splits tell; that others say the same is no leak
        same = sampled(evidence, record, recipe.modality, (row.id for row in rows))
        if not set(same) <= set(ids):
            among = f"the {modality.nouns} of {examples(same)}"
            yield Finding(_sentence(what, fold, part, among), part == "test")


def _told_apart(known: CheckpointRecord) -> bool:
    """Return True if the names of a record are all found, so that they tell its rows.

    Other speakers of the corpus who say the same are then for the rule `sentences`.
    """
    return not known.speakers.missing and not (known.by_split and known.splits.missing)


def _doubts(
    what: str, recipe: Recipe, record: Seen, corpus: Identity
) -> Iterator[Finding]:
    """Say what cannot be told of a corpus that a record does not recognise."""
    own = record in fold_encoders.records(recipe)
    recorded = own or record.reader or record.sample
    shared = corpus_matching.shared_inputs(record, corpus)
    why = corpus_matching.unknown(record, corpus) if recorded and not shared else ""
    if shared:
        text = (
            f"{shared} of {count(len(record.sample), 'input')} that its record samples "
            f"{'is' if shared == 1 else 'are'} in '{corpus.name}' too"
        )
        yield Finding(f"{what}, and {text}", fatal=False, said=True)
    if why:
        text = f"whether '{corpus.name}' is that corpus under another name is not known"
        yield Finding(f"{what}; {text}, because {why}", fatal=False, said=True)


def _sentence(what: str, fold: str, part: str, among: str) -> str:
    if part == "validation":
        end = "so its validation is too hopeful, though the test is not"
    else:
        end = "test on what it has not seen, or take another checkpoint"
    return f"{what}, among it {among} of the {part} part of fold '{fold}'; {end}"
