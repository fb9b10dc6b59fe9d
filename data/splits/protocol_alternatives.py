"""Protocols that can divide given utterances, for the advice in error messages.

An error should recommend only protocols for which the corpus has the sessions, speakers
or splits. Whether ratings vary in each part is checked in
`affuse.fuse.inputs.rating_remedies`.
"""

from collections.abc import Sequence

from affuse.data.name_spellings import spelling
from affuse.data.records import Utterance

GROUPS = 5  # folds of the speakers protocol, if no number is given
LEAST = 3  # speakers, sessions or folds, so that one each trains, validates and tests


def alternatives(utterances: Sequence[Utterance], protocol: str = "") -> list[str]:
    """Return the options that select each protocol which these utterances allow.

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


def alternatives_clause(utterances: Sequence[Utterance], protocol: str) -> str:
    """Return a clause that recommends other protocols, or "" if there is none.

    Args:
        utterances: those that can be used
        protocol: the one that failed
    """
    options = alternatives(utterances, protocol)
    return f", or choose {' or '.join(options)}" if options else ""


def _by_speaker(utterances: Sequence[Utterance]) -> list[str]:
    """Return the possible protocols that need the speaker of each utterance."""
    speakers = {spelling(u.speaker) for u in utterances}
    if "" in speakers:
        return []
    sessions = {spelling(u.session) for u in utterances}
    protocols = []
    if "" not in sessions and "5" in sessions and len(sessions) > 1:
        protocols.append("session5")
    if "" not in sessions and "5" in sessions and len(sessions) >= LEAST:
        protocols.append("session5-strict")
    if "" not in sessions and len(sessions) >= LEAST:
        protocols.append("loso")
    if len(speakers) >= LEAST:
        few = len(speakers) < GROUPS
        protocols.append(f"speakers --folds {len(speakers)}" if few else "speakers")
    return protocols


def _official(utterances: Sequence[Utterance]) -> list[str]:
    """Return ``official`` if the corpus's own splits include train and test."""
    return ["official"] if {"train", "test"} <= {u.split for u in utterances} else []
