"""No encoder was trained on speakers or utterances that it is tested on.

What an encoder has seen stands in its recipe, or is known of its name (`data.seen`). A
corpus is recognised by its name, its reader, the form of its ids or its inputs. Of an
encoder that nothing is recorded of, nothing can be said.
"""

from collections.abc import Iterator, Sequence

from data import finetuned, identity, seen
from data.identity import Identity
from data.recipe import Recipe
from data.seen import Seen
from fuse.lint._evidence import Evidence
from fuse.lint._finding import Finding, examples
from fuse.lint._records import corpus_identity, matched

NEEDS = ()


def findings(evidence: Evidence) -> Iterator[Finding]:
    """By fold and encoder."""
    told: set[str] = set()
    corpora: dict[str, Identity] = {}
    for fold, recipes in evidence.recipes.items():
        for modality, recipe in recipes.items():
            if modality not in corpora:
                corpora[modality] = corpus_identity(evidence, modality)
            for record in seen.of(recipe):
                for found in _record(evidence, fold, recipe, record, corpora[modality]):
                    if found.text not in told:
                        told.add(found.text)
                        yield found


def _record(
    evidence: Evidence, fold: str, recipe: Recipe, record: Seen, corpus: Identity
) -> Iterator[Finding]:
    """What one record says of the test and the validation part of a fold."""
    what = (
        f"the {recipe.modality} encoder {finetuned.name(recipe)} has seen "
        f"{record.corpus} ({record.how})"
    )
    how = identity.recognised(record, corpus)
    if not how:
        yield from _doubts(what, recipe, record, corpus)
        return
    if how != "name":
        what += f", which is this corpus, '{corpus.name}', by its {how}"
    known = matched(evidence, record, what)
    if known.by_split and not evidence.corpus:
        yield Finding(
            f"{what}, of it the splits {', '.join(record.splits)}; whether the test is "
            f"among them is not known without the corpus",
            fatal=False,
        )
        return
    yield from known.unmatched()
    for part in ("test", "validation"):
        rows = evidence.folds.get(fold, {}).get(part, [])
        ids = sorted(row.id for row in rows if known.covers(row))
        if ids:
            yield Finding(_sentence(what, fold, part, ids), part == "test")


def _doubts(
    what: str, recipe: Recipe, record: Seen, corpus: Identity
) -> Iterator[Finding]:
    """Say what cannot be told of a corpus that a record does not recognise."""
    recorded = finetuned.origin(recipe) or record.reader or record.sample
    shared = identity.shared_inputs(record, corpus)
    why = identity.unknown(record, corpus) if recorded and not shared else ""
    if shared:
        text = (
            f"{shared} of {len(record.sample)} inputs that its record samples are in "
            f"'{corpus.name}' too"
        )
        yield Finding(f"{what}, and {text}", fatal=False, said=True)
    if why:
        text = f"whether '{corpus.name}' is that corpus under another name is not known"
        yield Finding(f"{what}; {text}, because {why}", fatal=False, said=True)


def _sentence(what: str, fold: str, part: str, ids: Sequence[str]) -> str:
    if part == "validation":
        end = "so its validation is too hopeful, though the test is not"
    else:
        end = "test on what it has not seen, or take another checkpoint"
    return (
        f"{what}, among it {examples(ids)} of the {part} part of fold '{fold}'; {end}"
    )
