"""Kinds of the values in the table of a corpus, which is read line by line."""

from affuse.data import extra_columns, single_ratings
from affuse.data.records import ID_LENGTH, NATURES
from affuse.data.system.schema import (
    Flag,
    ListOf,
    MapOf,
    Maybe,
    Number,
    OneOf,
    Plain,
    Record,
    Text,
    Whole,
)

WORD = Text(10_000)
SECONDS = Maybe(Number(0, 1e9))
NOTHING = OneOf((None,))
HEAD = Record(
    {
        "corpus": Record(
            {
                "name": WORD,
                "scale": Maybe(ListOf(Number(), least=2, most=2)),
                "protocol": WORD,
                "nature": OneOf(NATURES),
                "root": WORD,
                "counts": ListOf(
                    Record({"what": WORD, "expected": Whole(), "found": Whole()})
                ),
            },
            {"reader": WORD},  # missing in caches of older versions
        ),
        "utterances": ListOf(Plain(depth=0), most=0),
    }
)
ROW = Record(
    {
        "id": Text(ID_LENGTH, least=1),
        "ratings": MapOf(Number(), most=100),
        "flags": ListOf(WORD, most=100),
    },
    {
        **dict.fromkeys(("audio", "transcript", "text"), NOTHING),
        "span": Maybe(ListOf(SECONDS, least=2, most=2)),
        **{"file": WORD, "channel": Whole()},
        **dict.fromkeys(("speaker", "sex", "session", "dialogue", "split"), WORD),
        **dict.fromkeys(("start", "end"), SECONDS),
        "scripted": Maybe(Flag()),
        "sentence": WORD,
        "recording": Text(ID_LENGTH, least=1),
        "columns": extra_columns.KIND,
        "raters": single_ratings.KIND,
    },
)
