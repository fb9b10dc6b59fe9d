"""Direction of MSP-IMPROV's arousal, judged by the classes of the same turns.

Angry and happy speech is more active than sad and neutral speech. In some copies, low
numbers seem to mean active speech. The ratings are never changed here: the result is a
sentence for the user, who decides.
"""

from collections.abc import Iterable, Sequence

from affuse.data.records import Utterance

ACTIVE = ("angry", "happy")
CALM = ("sad", "neutral")
FEWEST = 5  # turns of both kinds
ADVICE = (
    "it is kept as released; to reverse it, write a table into the folder of the "
    "corpus with utterances msp_improv ROOT --output ROOT/reversed.csv, replace each "
    "arousal a in it by 6 - a, and read that table with manifest, --scale 1 5 and "
    "--map text="
)


def judge(utterances: Iterable[Utterance]) -> tuple[bool | None, str]:
    """Return True if arousal rises with activity, and a sentence on the means.

    Args:
        utterances: of the corpus, with the column ``emotion``

    Returns:
        True, False if arousal seems reversed, or None if there are too few turns; the
        sentence
    """
    values: dict[str, list[float]] = {}
    for utterance in utterances:
        if "arousal" in utterance.ratings:
            emotion = utterance.columns.get("emotion", "")
            values.setdefault(emotion, []).append(utterance.ratings["arousal"])
    active = [value for name in ACTIVE for value in values.get(name, ())]
    calm = [value for name in CALM for value in values.get(name, ())]
    if min(len(active), len(calm)) < FEWEST:
        return None, "too few turns have a class and arousal to check its direction"
    means = (
        f"its mean is {_mean(active):.2f} for angry and happy turns, and "
        f"{_mean(calm):.2f} for sad and neutral ones"
    )
    if _mean(active) > _mean(calm):
        return True, f"arousal rises with activity, as it should: {means}"
    return False, f"arousal may be reversed: {means}; {ADVICE}"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
