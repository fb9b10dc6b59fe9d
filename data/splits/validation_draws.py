"""Random draws of a protocol: validation utterances, and the order of speakers."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from affuse.data.records import Utterance

SHARE = 0.1  # of the training utterances, to validate where nothing else is said


def held_out(
    training: Sequence[Utterance], rng: np.random.Generator
) -> tuple[set[str], bool]:
    """Draw a tenth of a training part to validate, of whole speakers if all are known.

    Returns:
        ids, and whether they are all utterances of some speakers
    """
    speakers = {u.speaker for u in training}
    apart = len(speakers) > 1 and "" not in speakers
    return tenth(training, rng, of="speaker" if apart else "id"), apart


def tenth(
    utterances: Sequence[Utterance], rng: np.random.Generator, *, of: str = "id"
) -> set[str]:
    """Draw utterances, or all of some speakers: a tenth, or else the smallest.

    Args:
        of: "id" or "speaker", which are drawn whole

    Returns:
        ids
    """
    sizes = Counter(getattr(u, of) for u in utterances)
    room, chosen = round(SHARE * len(utterances)), set()
    order = shuffled(sizes, rng)
    for name in order:
        if sizes[name] <= room:
            chosen.add(name)
            room -= sizes[name]
    chosen = chosen or {min(order, key=sizes.__getitem__)}
    return {u.id for u in utterances if getattr(u, of) in chosen}


def shuffled(names: Iterable[str], rng: np.random.Generator) -> list[str]:
    """Return names in random order, which does not depend on the order given."""
    ordered = sorted(names)
    return [ordered[i] for i in rng.permutation(len(ordered))]
