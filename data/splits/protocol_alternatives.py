"""Protocols that can divide the utterances at hand, for the advice of errors.

An error that says "choose another protocol" helps nobody whose corpus has no other.
This module says which protocols find the sessions, speakers or splits that they need.
Whether ratings vary in each part is for `affuse.fuse.inputs.rating_remedies`.
"""

from collections.abc import Sequence

from affuse.data.name_spellings import spelling
from affuse.data.records import Utterance

GROUPS = 5  # folds of the speakers protocol, if no number is given
LEAST = 3  # speakers, sessions or folds: one trains, one validates, one tests


def alternatives(utterances: Sequence[Utterance], protocol: str = "") -> list[str]:
    """Return the options that choose a protocol which these utterances allow.

    Args:
        utterances: those that can be used
        protocol: the one that failed, which is left out

    Returns:
        for example ``["--protocol loso", "--protocol speakers --folds 3"]``
    """
    possible = [*_by_speaker(utterances), *_official(utterances)]
    return [
        f"--protocol {name}" for name in possible if name.partition(" ")[0] != protocol
    ]


def otherwise(utterances: Sequence[Utterance], protocol: str) -> str:
    """Return a clause for the end of a list of remedies; "" if there is none.

    Args:
        utterances: those that can be used
        protocol: the one that failed
    """
    found = alternatives(utterances, protocol)
    return f", or choose {' or '.join(found)}" if found else ""


def _by_speaker(utterances: Sequence[Utterance]) -> list[str]:
    """Return the protocols that need the speaker of each utterance, and have it."""
    speakers = {spelling(u.speaker) for u in utterances}
    if "" in speakers:
        return []
    sessions = {spelling(u.session) for u in utterances}
    found = []
    if "" not in sessions and "5" in sessions and len(sessions) > 1:
        found.append("session5")
    if "" not in sessions and "5" in sessions and len(sessions) >= LEAST:
        found.append("session5-strict")
    if "" not in sessions and len(sessions) >= LEAST:
        found.append("loso")
    if len(speakers) >= LEAST:
        few = len(speakers) < GROUPS
        found.append(f"speakers --folds {len(speakers)}" if few else "speakers")
    return found


def _official(utterances: Sequence[Utterance]) -> list[str]:
    """Return the protocol of the corpus's own splits, if they train and test."""
    return ["official"] if {"train", "test"} <= {u.split for u in utterances} else []
