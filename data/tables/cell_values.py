"""Conversion of table cells to values: times, ratings, splits, names, transcripts.

Which column holds which value is decided in `affuse.data.tables.column_roles`.
"""

import math
import re
from functools import lru_cache

from affuse.data.errors import AffuseError

MISSING = frozenset({"", "nan", "nat", "na", "n/a", "none", "null", "<na>"})
# Missing values as pandas writes them; the spelling Nan is left out, for it is a name.
NOTHING = frozenset({"", "nan", "NaN", "NaT"})
# Words that are kept as names, although they probably mark a missing value.
PLACEHOLDERS = frozenset(
    {"unk", "undefined", "unspecified", "missing", "not known", "x", "xx", "xxx"}
)
_NEGATIVE = re.compile(r"-\d+(\.\d+)?")
SPLITS = {  # spelling in corpora and papers -> unified name
    "train": "train",
    "training": "train",
    "trn": "train",
    "dev": "dev",
    "devel": "dev",
    "development": "dev",
    "val": "dev",
    "valid": "dev",
    "validation": "dev",
    "test": "test",
    "testing": "test",
    "tst": "test",
    "test1": "test",
    "test2": "test2",
    "test3": "test3",
}
SEXES = {"f": "F", "female": "F", "m": "M", "male": "M"}
SCRIPTED = {"1": True, "true": True, "yes": True, "scripted": True}
SCRIPTED |= {"0": False, "false": False, "no": False, "improvised": False}
UNITS = {"": 1.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "min": 60.0, "h": 3600}

# The number of digits is bounded, so that no time overflows.
_NUMBER = re.compile(
    r"((?:\d{1,12}(?:\.\d*)?|\.\d{1,12})(?:e-?\d\d?)?)\s*(ms|us|ns|s|min|h|)", re.A
)
_DAYS = re.compile(r"(\d{1,6}) days?", re.A)  # pandas writes whole days like this
_CLOCK = re.compile(r"(?:(\d{1,6}) days?\s*)?(\d{1,6}):(\d\d):(\d\d(?:\.\d*)?)", re.A)


def seconds(cell: str) -> float | None:
    """Return a time in seconds, or None if the cell holds no value.

    Args:
        cell: a number with or without a unit, or a clock time; without a unit, the
            number is in seconds

    Raises:
        AffuseError: if the cell is not a time; ``01:30`` is refused, because it may
            mean minutes or hours

    Examples:
        >>> seconds("1.25"), seconds("250ms"), seconds("00:00:01.25")
        (1.25, 0.25, 1.25)
        >>> seconds("0 days 00:01:01.250000"), seconds("0 days"), seconds("NaT")
        (61.25, 0.0, None)
    """
    if cell.casefold() in MISSING:
        return None
    if number := _NUMBER.fullmatch(cell):
        return float(number[1]) * UNITS[number[2]]
    if days := _DAYS.fullmatch(cell):
        return 86_400.0 * int(days[1])
    if clock := _CLOCK.fullmatch(cell):
        hours = 24 * int(clock[1] or 0) + int(clock[2])
        return 3600.0 * hours + 60 * int(clock[3]) + float(clock[4])
    raise AffuseError(
        f"time {cell!r} is none of 1.25, 1s, 250ms, 00:00:01.25 and "
        f"0 days 00:00:01.25; write it in plain seconds"
    )


@lru_cache(4096)  # few values occur in a corpus, so that rows share their objects
def rating(cell: str) -> float | None:
    """Return a rating on the scale of the corpus, or None if the cell holds no value.

    Args:
        cell: the text of the cell, without blanks around it

    Raises:
        AffuseError: if the cell is not a finite number
    """
    if cell.casefold() in MISSING:
        return None
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in cell:  # float reads 3_5 as 35
        raise AffuseError(
            f"rating {cell!r} is not a number; write it as 3.5, or leave the cell empty"
        )
    return value


def split(cell: str) -> str:
    """Return the unified name of a split, or any other name in lower case.

    Args:
        cell: the split as the corpus names it

    Returns:
        train, dev, test, another name in lower case, or "" if the split is unknown

    Examples:
        >>> split("Development"), split("Test1"), split("Extra"), split("None")
        ('dev', 'test', 'extra', '')
    """
    name = name_or_empty(cell).casefold()
    return "" if name in MISSING else SPLITS.get(name, name)


def name_or_empty(cell: str) -> str:
    """Return a name, or "" if the cell is empty or marks a missing value.

    Words that may be names of people (NA, Null, None, Nan) are returned. Only spellings
    that no person has, such as NaN and n/a, mark a missing value.

    Args:
        cell: the text of the cell, without blanks around it

    Examples:
        >>> [name_or_empty(cell) for cell in ("Anna", "None", "Unknown", "NaN")]
        ['Anna', 'None', '', '']
    """
    unknown = cell in NOTHING or cell.casefold() in ("unknown", "n/a", "<na>")
    return "" if unknown else cell


def transcript(cell: str) -> str | None:
    """Return a transcript unchanged, or None if the cell marks a missing value.

    An empty cell is a text without words, see `affuse.data.reading.transcript_rule`.
    Words that people may say (none, null, unknown, the name Nan) are transcripts.

    Args:
        cell: the text of the cell, with the blanks around it

    Examples:
        >>> transcript(" Well"), transcript(""), transcript("Unknown")
        (' Well', '', 'Unknown')
        >>> transcript("NaN"), transcript("N/A")
        (None, None)
    """
    word = cell.strip()
    missing = word and (word in NOTHING or word.casefold() in ("n/a", "<na>"))
    return None if missing else cell


def clean_transcript(text: str) -> str:
    """Return a transcript as text encoders read it: one blank between two words.

    A text of invisible characters only is empty.

    Args:
        text: as a user or a table has it

    Examples:
        >>> clean_transcript(" Well,\\n  yes"), clean_transcript("\\u200b")
        ('Well, yes', '')
    """
    if text.isprintable() and "  " not in text and text[:1] > " " and text[-1] > " ":
        return text  # as it is; this takes a fifth of the time
    cleaned = " ".join(text.split())
    if is_unseen(cleaned):
        return ""
    return text if cleaned == text else cleaned  # share one object


def is_unseen(text: str) -> bool:
    """Return True if a text has characters, but no visible one.

    Examples:
        >>> is_unseen("\\u200b"), is_unseen("hi"), is_unseen("")
        (True, False, False)
    """
    return text != "" and not any(c.isprintable() and c != " " for c in text)


def is_doubtful(cell: str) -> bool:
    """Return True if a cell may be a name or may mark a missing value.

    Args:
        cell: the text of the cell, without blanks around it

    Examples:
        >>> is_doubtful("NA"), is_doubtful("Anna"), is_doubtful("NaN")
        (True, False, False)
        >>> is_doubtful("?"), is_doubtful("-99"), is_doubtful("unk"), is_doubtful("7")
        (True, True, True, False)
    """
    word = cell.casefold()
    is_sign = bool(cell) and not any(map(str.isalnum, cell))
    is_code = word in PLACEHOLDERS or _NEGATIVE.fullmatch(cell) is not None
    return name_or_empty(cell) != "" and (word in MISSING or is_sign or is_code)
