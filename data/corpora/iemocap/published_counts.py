"""Published counts of IEMOCAP, and the same counts of a copy.

Independent publications or public code agree on most of these counts. Others have only
one source: improvised and scripted utterances, the sexes, the classes of session 5,
blank dominance, and the size of a dialogue. The classes of the other sessions are not
published.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from affuse.data.records import Count, Utterance

FOUR = ("ang", "hap", "exc", "sad", "neu")  # hap and exc are one class
SIX = (*FOUR, "fru")
_SESSIONS = ("1", "2", "3", "4", "5")
_CLASSES = {
    "xxx": 2507,
    "fru": 1849,
    "neu": 1708,
    "ang": 1103,
    "sad": 1084,
    "exc": 1041,
    "hap": 595,
    "sur": 107,
    "fea": 40,
    "oth": 3,
    "dis": 2,
}
_CLASSES_OF_5 = {
    "xxx": 520,
    "neu": 384,
    "fru": 381,
    "exc": 299,
    "sad": 245,
    "ang": 170,
    "hap": 143,
    "sur": 18,
    "fea": 10,
}


def _by_session(what: str, *expected: int) -> dict[str, int]:
    numbers = zip(_SESSIONS, expected, strict=True)
    return {f"{what} of session {number}": count for number, count in numbers}


PUBLISHED = {
    "utterances": 10_039,
    "labels": 10_039,
    "wavs": 10_039,
    "transcripts": 10_039,
    "dialogues": 151,
    **_by_session("dialogues", 28, 30, 32, 30, 31),
    **_by_session("utterances", 1819, 1811, 2136, 2103, 2170),
    **{f"class {name}": count for name, count in _CLASSES.items()},
    **{f"class {name} of session 5": n for name, n in _CLASSES_OF_5.items()},
    "four classes (ang, hap+exc, sad, neu)": 5531,
    **_by_session("four classes", 1085, 1023, 1151, 1031, 1241),
    "six classes (and fru)": 7380,
    "improvised": 4784,
    "scripted": 5255,
    "by women": 4941,
    "by men": 5098,
    "with a released rating outside 1 to 5": 7,
    "external ratings with blank dominance": 36,
    "fewest utterances of a dialogue": 24,
    "most utterances of a dialogue": 167,
}


def compare(
    utterances: Iterable[Utterance], others: Mapping[str, int]
) -> tuple[Count, ...]:
    """Return each published count with that of a copy.

    Args:
        utterances: of the whole copy
        others: counts that cannot be derived from utterances, by published name
    """
    utterances = tuple(utterances)
    counts = Counter(
        what for utterance in utterances for what in _count_names(utterance)
    )
    sizes = Counter(utterance.dialogue for utterance in utterances)
    counts["dialogues"] = len(sizes)
    counts.update(f"dialogues of session {name[4]}" for name in sizes)
    counts["fewest utterances of a dialogue"] = min(sizes.values(), default=0)
    counts["most utterances of a dialogue"] = max(sizes.values(), default=0)
    counts.update(others)
    return tuple(Count(what, n, counts[what]) for what, n in PUBLISHED.items())


def category(utterance: Utterance) -> str:
    """Return the released class of an utterance, from its flags; "" if unknown."""
    flags = (f for f in utterance.flags if f.startswith("category="))
    return next(flags, "").removeprefix("category=")


def _count_names(utterance: Utterance) -> Iterator[str]:
    """Yield the names of the counts that an utterance raises by one."""
    label, session = category(utterance), f"of session {utterance.session}"
    yield from ("utterances", "labels", f"utterances {session}")
    yield from (f"class {label}", f"class {label} {session}")
    if label in FOUR:
        yield from ("four classes (ang, hap+exc, sad, neu)", f"four classes {session}")
    if label in SIX:
        yield "six classes (and fru)"
    yield "scripted" if utterance.scripted else "improvised"
    yield "by women" if utterance.sex == "F" else "by men"
    if "out_of_range" in utterance.flags:
        yield "with a released rating outside 1 to 5"
