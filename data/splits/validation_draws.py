"""Random draws of protocols: utterances for validation, and the order of speakers."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from affuse.data.records import Utterance

SHARE = 0.1  # of the training utterances, if no split or session validates


def draw_validation(
    training: Sequence[Utterance], rng: np.random.Generator
) -> tuple[set[str], bool]:
    """Draw a tenth of a training part for validation, by speaker if all are known.

    Args:
        training: utterances of the training part
        rng: of the draw

    Returns:
        ids, and True if they are all utterances of some speakers
    """
    speakers = {u.speaker for u in training}
    is_by_speaker = len(speakers) > 1 and "" not in speakers
    return draw_tenth(
        training, rng, of="speaker" if is_by_speaker else "id"
    ), is_by_speaker


def draw_tenth(
    utterances: Sequence[Utterance], rng: np.random.Generator, *, of: str = "id"
) -> set[str]:
    """Draw a tenth of the utterances, or the smallest speaker if all are larger.

    Args:
        utterances: to draw from
        rng: of the draw
        of: "id" to draw utterances, "speaker" to draw all utterances of a speaker

    Returns:
        ids
    """
    sizes = Counter(getattr(u, of) for u in utterances)
    room, chosen = round(SHARE * len(utterances)), set()
    order = shuffle(sizes, rng)
    for name in order:
        if sizes[name] <= room:
            chosen.add(name)
            room -= sizes[name]
    chosen = chosen or {min(order, key=sizes.__getitem__)}
    return {u.id for u in utterances if getattr(u, of) in chosen}


def shuffle(names: Iterable[str], rng: np.random.Generator) -> list[str]:
    """Return names in random order, independent of the order of `names`.

    Args:
        names: to shuffle
        rng: of the order
    """
    ordered = sorted(names)
    return [ordered[i] for i in rng.permutation(len(ordered))]
