"""Columns of a corpus without a role in training, such as a language or an emotion.

Such columns describe utterances in the words of the corpus. They are neither encoded
nor used in training; a report can score their groups separately. The module
`affuse.data.tables.unread_columns` decides which columns of a table are kept.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from sys import intern

from affuse.data.records import Utterance
from affuse.data.system.schema import MapOf, Text

MOST = 16  # columns of one corpus
KEPT = "kept as text, for report --by: "  # beginning of the line that names the columns
NAME_LENGTH = 60  # characters of the name of a column
VALUE_LENGTH = 100  # characters of a value
KIND = MapOf(Text(10_000, least=1), most=100)  # columns of any reader, in a cache


def mapping(values: Mapping[str, str]) -> Mapping[str, str]:
    """Return the known values by column; equal mappings are one object in memory.

    Args:
        values: value by name of the column; "" if it is unknown

    Examples:
        >>> mapping({"language": "de", "emotion": ""})
        {'language': 'de'}
        >>> mapping({"language": "de"}) is mapping({"language": "de"})
        True
    """
    return _mapping(tuple(values), tuple(values.values()))


# The cache is limited because a corpus may have any number of different mappings.
# Neighbouring rows of a table are often equal, so that it is hit all the same.
@lru_cache(4096)
def _mapping(names: tuple[str, ...], values: tuple[str, ...]) -> Mapping[str, str]:
    pairs = zip(names, values, strict=True)
    return {intern(name): intern(value) for name, value in pairs if value}


def counts(utterances: Iterable[Utterance]) -> dict[str, Counter[str]]:
    """Return the number of utterances with each value of each column, by column.

    Args:
        utterances: of one corpus

    Examples:
        >>> counts([Utterance("a", columns={"language": "de"}), Utterance("b")])
        {'language': Counter({'de': 1})}
    """
    tallies: dict[str, Counter[str]] = {}
    for utterance in utterances:
        for name, value in utterance.columns.items():
            tallies.setdefault(name, Counter())[value] += 1
    return tallies
