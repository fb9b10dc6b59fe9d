"""No encoder was trained on speakers or utterances that it is tested on.

What an encoder has seen stands in its recipe, or is known of its name (`data.seen`). Of
an encoder that neither tells of, nothing can be said.
"""

from collections.abc import Iterator, Sequence

from data import finetuned, seen
from data.folds import FoldRow
from data.recipe import Recipe
from data.seen import Seen
from fuse.lint._evidence import Evidence
from fuse.lint._finding import Finding, examples

NEEDS = ()


def findings(evidence: Evidence) -> Iterator[Finding]:
    """By fold and encoder."""
    told: set[str] = set()
    for fold, recipes in evidence.recipes.items():
        for recipe in recipes.values():
            for record in seen.of(recipe):
                for found in _record(evidence, fold, recipe, record):
                    if found.text not in told:
                        told.add(found.text)
                        yield found


def _record(
    evidence: Evidence, fold: str, recipe: Recipe, record: Seen
) -> Iterator[Finding]:
    """What one record says of the test and the validation part of a fold."""
    if not record.covers(evidence.info.corpus):
        return
    what = (
        f"the {recipe.modality} encoder {finetuned.name(recipe)} has seen "
        f"{record.corpus} ({record.how})"
    )
    if _by_split(evidence, record) and not evidence.corpus:
        yield Finding(
            f"{what}, of it the splits {', '.join(record.splits)}; whether the test is "
            f"among them is not known without the corpus",
            fatal=False,
        )
        return
    for part in ("test", "validation"):
        rows = evidence.folds.get(fold, {}).get(part, [])
        ids = sorted(row.id for row in rows if _covers(evidence, record, row))
        if ids:
            yield Finding(_sentence(what, fold, part, ids), part == "test")


def _covers(evidence: Evidence, record: Seen, row: FoldRow) -> bool:
    """Whether an utterance is among what was trained on."""
    if record.speakers and row.speaker not in record.speakers:
        return False
    known = evidence.utterances.get(row.id)
    return not _by_split(evidence, record) or (
        known is not None and known.split in record.splits
    )


def _by_split(evidence: Evidence, record: Seen) -> bool:
    """Whether the corpus's splits tell what was trained on.

    Where speakers are known, they do for every protocol that keeps them apart: what is
    tested may be in another split, and the encoder has heard the speaker all the same.
    """
    apart = evidence.info.protocol != "official"
    return bool(record.splits) and not (record.speakers and apart)


def _sentence(what: str, fold: str, part: str, ids: Sequence[str]) -> str:
    if part == "validation":
        end = "so its validation is too hopeful, though the test is not"
    else:
        end = "test on what it has not seen, or take another checkpoint"
    return (
        f"{what}, among it {examples(ids)} of the {part} part of fold '{fold}'; {end}"
    )
