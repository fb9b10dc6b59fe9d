"""Refuses a corpus whose own splits cannot train and test, and says what to do."""

from collections import Counter
from collections.abc import Sequence

from data.errors import AffuseError
from data.utterance import Utterance

NEEDED = ("train", "test")


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
    speakers = any(u.speaker for u in utterances)
    for name in lacking:
        if there[name]:
            raise AffuseError(_unusable(name, everyone, speakers=speakers))
    sizes = there or usable
    shown = [f"{name or 'no split'}: {n}" for name, n in sorted(sizes.items())[:10]]
    more = f" and {len(sizes) - 10} more" if len(sizes) > 10 else ""
    advice = "; or choose --protocol speakers" if speakers else ""
    raise AffuseError(
        f"protocol 'official' needs utterances of the splits train and test; the "
        f"corpus has {', '.join(shown) or 'none'}{more}; write train, dev or test in "
        f"the table where another name means that, and extract again{advice}"
    )


def _unusable(name: str, everyone: Sequence[Utterance], *, speakers: bool) -> str:
    """Return a sentence on a split whose utterances are there, but cannot be used."""
    found = [u for u in everyone if u.split == name]
    unrated = sum(not u.ratings for u in found)
    if unrated < len(found):
        return (
            f"protocol 'official': none of the {len(found)} utterances of the split "
            f"{name} can be used: {unrated} have no ratings, and the others lack a "
            f"rating or an embedding that is needed; see problems.csv in the cache"
        )
    start = (
        f"protocol 'official': the {len(found)} utterances of the split {name} are "
        f"unrated, so they cannot {name}"
    )
    if name == "test" and speakers:
        return (
            f"{start}; train with --protocol speakers, then predict them with the "
            f"models: python cli.py predict RUN --corpus CORPUS"
        )
    if name == "test":
        return (
            f"{start}; call a rated part of the corpus test and these ones unrated, "
            f"train, then predict them with python cli.py predict RUN --corpus CORPUS"
        )
    return f"{start}; add their ratings to the table, and extract again"
