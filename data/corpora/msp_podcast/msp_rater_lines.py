"""Lines of single raters, as MSP-Podcast and MSP-IMPROV write them.

Invented examples::

    WORKER0000042; Neutral; Neutral,Confused; A:1.000000; V:4.000000; D:1.000000;
    WORKER0000043; Other-odd; or bored; A:2.000000; V:NaN; D:3.000000;

The ratings are arousal (the corpora call it activation), valence and dominance. The
second field may have any characters, so a line is read from its end.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from affuse.data.tables import cell_values

LETTERS = {"A": "arousal", "V": "valence", "D": "dominance"}
LONGEST_END = 100  # characters of the ratings of a line that are looked up
_RATING = re.compile(r"([AVDN])\s*:\s*(\S*)", re.ASCII)


@dataclass(slots=True)  # not frozen, because that takes three times as long
class RaterLine:
    """Class and ratings by one rater of one recording."""

    rater: str
    category: str  # primary class, such as "Neutral" or "Other-odd; or bored"
    others: str  # secondary classes; "" if none is stated
    ratings: Mapping[str, float]  # without those that the rater left out


def parse(line: str) -> RaterLine | None:
    """Return the contents of the line of a rater; None if it is another line.

    Args:
        line: of a label file, or a cell of a table

    Returns:
        its contents; equal ratings of several lines may be one object

    Raises:
        AffuseError: if a rating is not a number

    Examples:
        >>> parse("WORKER1; Sad; Sad,Hurt; A:2.0; V:1.0; D:NaN;").ratings
        {'arousal': 2.0, 'valence': 1.0}
        >>> parse("MSP-PODCAST_9001_0007.wav; N; A:2.0; V:4.0; D:2.0;") is None
        True
    """
    place = line.rfind("; A:")  # of the ratings in almost all lines
    is_usual = place >= 0 and len(line) - place < LONGEST_END
    known_end = _usual_end(line[place:]) if is_usual else None
    texts = [text.strip() for text in line[:place].split(";")]
    if known_end is None or ":" in texts[-1]:  # which may be a rating too
        texts, ratings = split_ratings(line)
        known_end = known(ratings) if ratings else None
    if len(texts) < 2 or known_end is None:
        return None
    if texts[0][-4:].lower() in (".wav", ".avi"):
        return None
    rater, category, *others = texts
    if len(others) > 1:  # the primary class has a semicolon in its free text
        category, others = "; ".join([category, *others[:-1]]), others[-1:]
    return RaterLine(rater, category, "".join(others), known_end)


@lru_cache(2**14)  # raters use few values, so that most lines have an end in common
def _usual_end(end: str) -> Mapping[str, float] | None:
    """Return the ratings of a line by its end from "; A:" on.

    Returns:
        ratings by name; None if another text stands among them

    Raises:
        AffuseError: if a rating is not a number
    """
    texts, ratings = split_ratings(end)
    return known(ratings) if texts == [""] and {*ratings} >= {*LETTERS} else None


def split_ratings(line: str) -> tuple[list[str], dict[str, str]]:
    """Return the fields before the ratings of a line, and the ratings by letter.

    Args:
        line: of a recording or of a rater

    Examples:
        >>> split_ratings("X.avi; H; A:2.3; V:4.1; D:NaN ; N:3.8;")
        (['X.avi', 'H'], {'A': '2.3', 'V': '4.1', 'D': 'NaN', 'N': '3.8'})
    """
    fields = [field.strip() for field in line.rstrip("; \t\r\n").split(";")]
    ratings: dict[str, str] = {}
    while fields and (match := _RATING.fullmatch(fields[-1])):
        ratings = {match[1]: match[2], **ratings}
        fields.pop()
    return fields, ratings


def known(ratings: Mapping[str, str]) -> dict[str, float]:
    """Return the ratings that are stated, by name.

    Args:
        ratings: texts by letter, as `split_ratings` returns them

    Raises:
        AffuseError: if a rating is not a number
    """
    values = {
        name: cell_values.rating(ratings.get(letter, ""))
        for letter, name in LETTERS.items()
    }
    return {name: value for name, value in values.items() if value is not None}
