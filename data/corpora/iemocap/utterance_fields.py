"""Conversion of one label block of IEMOCAP to an utterance.

The conversion derives speaker, session, dialogue, ratings, their raters and flags.
"""

from collections.abc import Iterator
from pathlib import Path

from affuse.data import extra_columns
from affuse.data.corpora.iemocap import line_grammar
from affuse.data.corpora.iemocap.line_grammar import LabelBlock, LabelledTurn
from affuse.data.records import Utterance
from affuse.data.single_ratings import Summaries, summaries

SCALE = (float(line_grammar.LOWEST), float(line_grammar.HIGHEST))


def utterance(
    block: LabelBlock, wav: Path | None, turn: LabelledTurn | None, *, dominance: str
) -> Utterance:
    """Return the utterance of a label block.

    Args:
        block: its ratings and its id, such as ``Ses01F_impro01_M000``
        wav: its recording; None if there is none
        turn: its transcript; None if there is none
        dominance: ``released`` or ``recomputed``
    """
    name = block.id
    ratings = block.ratings if dominance == "released" else _recomputed(block)
    timed = block.start < block.end
    dialogue, _, _ = name.rpartition("_")
    return Utterance(
        id=name,
        audio=wav,
        transcript=turn.text if turn else None,
        text=line_grammar.clean(turn.text) if turn else None,
        ratings=ratings,
        speaker=name[:5] + name[-4],  # name[5] is the actor with the markers
        sex=name[-4],
        session=name[4],
        dialogue=dialogue,
        scripted="_script" in dialogue,
        start=block.start if timed else None,
        end=block.end if timed else None,
        flags=tuple(_flags(block)),
        columns=extra_columns.mapping({"emotion": block.category}),
        raters=_raters(block),
    )


def _raters(block: LabelBlock) -> Summaries:
    """Return the ratings by external raters; a blank counts as no rating.

    The released mean may differ, because it may count a blank as 0.
    """
    return summaries(
        {name: [getattr(a, name) for a in block.listeners] for name in block.ratings}
    )


def _flags(block: LabelBlock) -> Iterator[str]:
    yield f"category={block.category}"
    if blank_dominances(block):
        yield "dominance_incomplete"
    low, high = SCALE
    if not all(low <= value <= high for value in block.ratings.values()):
        yield "out_of_range"


def _recomputed(block: LabelBlock) -> dict[str, float]:
    """Return ratings with dominance as the mean over external raters who rated it."""
    dominances = [a.dominance for a in block.listeners if a.dominance is not None]
    if not dominances or not blank_dominances(block):
        return block.ratings
    return {**block.ratings, "dominance": sum(dominances) / len(dominances)}


def blank_dominances(block: LabelBlock) -> int:
    """Return the number of external raters who left dominance blank."""
    return sum(a.dominance is None for a in block.listeners)
