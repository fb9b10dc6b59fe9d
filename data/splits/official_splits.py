"""Refuses a corpus whose own splits cannot train and test, and says what to do."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from affuse.data.errors import AffuseError
from affuse.data.options.run_options import Predict
from affuse.data.records import Utterance
from affuse.data.splits.protocol_alternatives import alternatives, otherwise

NEEDED = ("train", "test")
KNOWN = {*NEEDED, "dev", ""}  # "" is no split
PREDICT = Predict(run=Path("RUN"), corpus="CORPUS")


def demand(utterances: Sequence[Utterance], everyone: Sequence[Utterance]) -> None:
    """Refuse utterances of which none trains, or none tests.

    Args:
        utterances: those that can be used
        everyone: these, and those of the same corpus that cannot be used

    Raises:
        AffuseError: if so; it tells a split that is not there from one that has no
            ratings, which can still be predicted
    """
    usable = Counter(u.split for u in utterances)
    lacking = [name for name in NEEDED if not usable[name]]
    if not lacking:
        return
    there = Counter(u.split for u in everyone)
    for name in lacking:
        if there[name]:
            raise AffuseError(_unusable(name, utterances, everyone))
    sizes = there or usable
    shown = [f"{name or 'no split'}: {n}" for name, n in sorted(sizes.items())[:10]]
    more = f" and {len(sizes) - 10} more" if len(sizes) > 10 else ""
    raise AffuseError(
        f"protocol 'official' needs utterances of the splits train and test; the "
        f"corpus has {', '.join(shown) or 'none'}{more}; {_naming(sizes, lacking)}"
        f"{otherwise(utterances, 'official')}"
    )


def _naming(sizes: Mapping[str, int], lacking: Sequence[str]) -> str:
    """Say how splits come into a corpus that lacks some.

    Args:
        sizes: utterances by the name of their split
        lacking: splits that no utterance is of
    """
    if set(sizes) - KNOWN:
        return (
            "write train, dev or test in the table where another name means that, and "
            "extract again"
        )
    if set(sizes) - {""}:
        return (
            f"write {' and '.join(lacking)} in the table for the utterances that shall "
            f"{' and '.join(lacking)}, and extract again"
        )
    return "if a column of its table has splits, extract again with --map split=COLUMN"


def _unusable(
    name: str, utterances: Sequence[Utterance], everyone: Sequence[Utterance]
) -> str:
    """Return a sentence on a split whose utterances are there, but cannot be used."""
    found = [u for u in everyone if u.split == name]
    unrated = sum(not u.ratings for u in found)
    if unrated < len(found):
        return (
            f"protocol 'official': none of the {len(found)} utterances of the split "
            f"{name} can be used: {unrated} have no ratings, and the others lack a "
            f"rating or an embedding that is needed; give what they lack"
            f"{otherwise(utterances, 'official')}"
        )
    start = (
        f"protocol 'official': the {len(found)} utterances of the split {name} are "
        f"unrated, so they cannot {name}"
    )
    if name != "test":
        return f"{start}; add their ratings to the table, and extract again"
    if others := alternatives(utterances, "official"):
        return f"{start}; train with {' or '.join(others)}, {_then()}"
    return (
        f"{start}; in the table write test for others that are rated, and another "
        f"name, such as unrated, for these; extract again and train, {_then()}"
    )


def _then() -> str:
    """Say what to do with a trained run."""
    return f"then predict the corpus, these included: {PREDICT}"
