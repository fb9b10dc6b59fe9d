"""Refusal of a corpus whose own splits cannot train and test, with the remedy."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from affuse.data.errors import AffuseError
from affuse.data.options.prediction_options import Predict
from affuse.data.records import Utterance
from affuse.data.splits.protocol_alternatives import alternatives, alternatives_clause

NEEDED = ("train", "test")
KNOWN = {*NEEDED, "dev", ""}  # "" means that the row states no split
PREDICT = Predict(run=Path("RUN"), corpus="CORPUS")


def demand(utterances: Sequence[Utterance], everyone: Sequence[Utterance]) -> None:
    """Raise an error if the utterances lack a training or a test split.

    Args:
        utterances: those that can be used
        everyone: all of the corpus, including those that cannot be used

    Raises:
        AffuseError: if a split is missing, or present without ratings; then the
            message says that it can still be predicted
    """
    usable = Counter(u.split for u in utterances)
    missing = [name for name in NEEDED if not usable[name]]
    if not missing:
        return
    counts = Counter(u.split for u in everyone)
    for name in missing:
        if counts[name]:
            raise AffuseError(_unusable(name, utterances, everyone))
    sizes = counts or usable
    listing = [f"{name or 'no split'}: {n}" for name, n in sorted(sizes.items())[:10]]
    more = f" and {len(sizes) - 10} more" if len(sizes) > 10 else ""
    raise AffuseError(
        f"protocol 'official' needs utterances of the splits train and test; the "
        f"corpus has {', '.join(listing) or 'none'}{more}; {_naming(sizes, missing)}"
        f"{alternatives_clause(utterances, 'official')}"
    )


def _naming(sizes: Mapping[str, int], missing: Sequence[str]) -> str:
    """Return the advice on adding missing splits to a corpus.

    Args:
        sizes: number of utterances by split
        missing: splits without an utterance
    """
    if set(sizes) - KNOWN:
        return (
            "write train, dev or test in the table where another name means that, and "
            "extract again"
        )
    if set(sizes) - {""}:
        return (
            f"write {' and '.join(missing)} in the table for the utterances that are "
            f"to {' and '.join(missing)}, and extract again"
        )
    return "if a column of its table has splits, extract again with --map split=COLUMN"


def _unusable(
    name: str, utterances: Sequence[Utterance], everyone: Sequence[Utterance]
) -> str:
    """Return the error for a split whose utterances exist, but cannot be used."""
    members = [u for u in everyone if u.split == name]
    unrated = sum(not u.ratings for u in members)
    if unrated < len(members):
        return (
            f"protocol 'official': none of the {len(members)} utterances of the split "
            f"{name} can be used: {unrated} have no ratings, and the others lack a "
            f"rating or an embedding that is needed; give what they lack"
            f"{alternatives_clause(utterances, 'official')}"
        )
    fact = (
        f"protocol 'official': the {len(members)} utterances of the split {name} are "
        f"unrated, so they cannot be used to {name}"
    )
    if name != "test":
        return f"{fact}; add their ratings to the table, and extract again"
    if protocols := alternatives(utterances, "official"):
        return f"{fact}; train with {' or '.join(protocols)}, {_prediction_advice()}"
    return (
        f"{fact}; in the table write test for others that are rated, and another "
        f"name, such as unrated, for these; extract again and train, "
        f"{_prediction_advice()}"
    )


def _prediction_advice() -> str:
    """Return the advice to predict the corpus with the trained run."""
    return f"then predict the corpus, these included: {PREDICT}"
