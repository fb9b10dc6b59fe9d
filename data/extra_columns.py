"""Columns of a corpus that have no role of their own, such as a language or an emotion.

They describe utterances in the words of the corpus. Nothing is encoded or trained by
them; a report can score their groups apart. Which columns of a table are kept is
decided by its reader (`affuse.data.tables.unread_columns`).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from sys import intern

from affuse.data.records import Utterance
from affuse.data.system.schema import MapOf, Text

MOST = 16  # columns of one corpus
KEPT = "kept as text, for report --by: "  # begins the line that names the columns
NAME_LENGTH = 60  # characters of the name of a column
VALUE_LENGTH = 100  # characters of a value
KIND = MapOf(Text(10_000, least=1), most=100)  # of any reader, as they are in a cache


def mapping(found: Mapping[str, str]) -> Mapping[str, str]:
    """Return the values that are known, by column, as one object for many equal ones.

    Args:
        found: value by name of the column; "" where it is unknown

    Examples:
        >>> mapping({"language": "de", "emotion": ""})
        {'language': 'de'}
        >>> mapping({"language": "de"}) is mapping({"language": "de"})
        True
    """
    return _mapping(tuple(found), tuple(found.values()))


@lru_cache(4096)  # neighbours in a table are alike; a corpus may have any number
def _mapping(names: tuple[str, ...], values: tuple[str, ...]) -> Mapping[str, str]:
    pairs = zip(names, values, strict=True)
    return {intern(name): intern(value) for name, value in pairs if value}


def counts(utterances: Iterable[Utterance]) -> dict[str, Counter[str]]:
    """Return how many utterances have each value of each column, by column.

    Examples:
        >>> counts([Utterance("a", columns={"language": "de"}), Utterance("b")])
        {'language': Counter({'de': 1})}
    """
    found: dict[str, Counter[str]] = {}
    for utterance in utterances:
        for name, value in utterance.columns.items():
            found.setdefault(name, Counter())[value] += 1
    return found
