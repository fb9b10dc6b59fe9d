"""Protocols: division of utterance ids into training, validation and test parts.

``session5``: session 5 is the test part; a random tenth of the others is the validation
    part, which may share speakers with the training part, but not with the test part
``session5-strict``: session 5 is for test, and the last of the others for validation
``loso``: each session in turn is for test, and the next one for validation
``speakers``: each group of speakers in turn is for test, the next one for validation
``official``: the splits train, dev and test of the corpus; without dev, a tenth of
    train is for validation, drawn by speaker if all speakers are known

All protocols except ``official`` separate the speakers of the test part from all
others, and `check` verifies it. Spellings of the same speaker or session
are unified. `affuse.data.splits.protocol_assumptions` describes random draws.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from affuse.data.errors import AffuseError, OptionError
from affuse.data.name_spellings import spelling, unify
from affuse.data.records import Utterance
from affuse.data.splits import official_splits
from affuse.data.splits.protocol_alternatives import alternatives_clause
from affuse.data.splits.validation_draws import draw_tenth, draw_validation, shuffle
from affuse.data.suggestions import hint

PROTOCOLS = ("session5", "session5-strict", "loso", "speakers", "official")
PARTS = ("train", "validation", "test")
MIXED = ("session5", "validation")  # this part may share speakers with training
SHOWN = 5  # ids or speakers that an error names


@dataclass(frozen=True)
class Fold:
    """Utterance ids of the three parts of one fold, each sorted."""

    name: str  # may be part of a path
    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w.-]+", self.name):
            raise AffuseError(
                f"a fold cannot be called {self.name!r}; use letters, digits, '.', '_' "
                f"and '-' in the names of sessions and splits"
            )


def folds(
    utterances: Sequence[Utterance],
    protocol: str,
    *,
    folds: int = 5,
    seed: int = 0,
    everyone: Sequence[Utterance] = (),
) -> tuple[Fold, ...]:
    """Return the folds of a corpus; they do not depend on the utterances' order.

    Args:
        utterances: those that can be used; the others are in no fold
        protocol: one of `PROTOCOLS`
        folds: number of groups of speakers, for ``speakers`` alone
        seed: of the protocol's random draws
        everyone: all of the corpus, so that errors can name unusable utterances

    Raises:
        AffuseError: if the protocol is unknown, or the corpus lacks the sessions,
            speakers or splits that it needs
    """
    ordered = unify(sorted(utterances, key=lambda u: u.id))
    if repeated := {a.id for a, b in pairwise(ordered) if a.id == b.id}:
        raise AffuseError(
            f"{len(repeated)} utterance ids are not unique: {abbreviate(repeated)}; "
            f"correct the corpus, or read each of its tables once"
        )
    _demand_speakers(ordered, protocol)
    rng = np.random.default_rng(seed)
    if protocol == "speakers":
        divided = _by_speakers(ordered, folds, rng)
    elif protocol == "official":
        divided = _official(ordered, rng, everyone)
    else:
        _demand("session", ordered, protocol)
        divided = _by_sessions(ordered, protocol, rng)
    for fold in divided:
        check(fold, ordered, protocol)
    return tuple(divided)


def check(fold: Fold, utterances: Sequence[Utterance], protocol: str) -> None:
    """Verify that a fold has the separations that its protocol guarantees.

    Args:
        fold: of the protocol
        utterances: of the corpus
        protocol: one of `PROTOCOLS`

    Raises:
        AffuseError: if a part is empty, if an id is in two parts or in no utterance, or
            if parts that the protocol separates share a speaker
    """
    _demand_speakers(utterances, protocol)
    speakers = {u.id: u.speaker for u in unify(tuple(utterances))}
    parts = {part: set(getattr(fold, part)) for part in PARTS}
    where = f"fold '{fold.name}' of protocol '{protocol}'"
    for part, ids in parts.items():
        if not ids:
            raise AffuseError(
                f"{where} has nothing for {part}: {len(utterances)} utterances are too "
                f"few to divide in this way; give more utterances"
                f"{alternatives_clause(utterances, protocol)}"
            )
        if foreign := ids - speakers.keys():
            raise AffuseError(
                f"{where} has utterances for {part} that the corpus lacks: "
                f"{abbreviate(foreign)}; make the folds from the same corpus"
            )
    part_speakers = {part: {speakers[i] for i in ids} for part, ids in parts.items()}
    for first, second in (("train", "test"), ("validation", "test"), PARTS[:2]):
        separates = protocol != "official" and (protocol, second) != MIXED
        for kind, sides in (("utterances", parts), ("speakers", part_speakers)):
            shared = sides[first] & sides[second]
            if shared and (kind == "utterances" or separates):
                raise AffuseError(
                    f"{where} has the same {kind} for {first} and {second}: "
                    f"{abbreviate(shared)}; correct the sessions and speakers of the "
                    f"corpus"
                )


def shared_speakers(fold: Fold, utterances: Iterable[Utterance]) -> set[str]:
    """Return the known speakers of the test part who also train or validate.

    Args:
        fold: of any protocol
        utterances: of the corpus
    """
    speakers = {u.id: u.speaker for u in unify(tuple(utterances))}
    others = {speakers[i] for part in (fold.train, fold.validation) for i in part}
    return {speakers[i] for i in fold.test} & others - {""}


def _by_sessions(
    utterances: Sequence[Utterance], protocol: str, rng: np.random.Generator
) -> list[Fold]:
    sessions = sorted({u.session for u in utterances}, key=lambda s: (len(s), s))
    least = 2 if protocol == "session5" else 3
    tests = sessions if protocol == "loso" else ["5"]
    if len(sessions) < least or not set(tests) <= set(sessions):
        five = "" if protocol == "loso" else ", '5' among them"
        raise AffuseError(
            f"protocol '{protocol}' needs {least} sessions or more{five}; the corpus "
            f"has {abbreviate(sessions)}; give more sessions"
            f"{alternatives_clause(utterances, protocol)}"
        )
    divided = []
    for index, test in enumerate(tests):
        others = [session for session in sessions if session != test]
        if protocol == "session5":
            validation = draw_tenth([u for u in utterances if u.session != test], rng)
        else:
            chosen = others[index % len(others) if protocol == "loso" else -1]
            validation = {u.id for u in utterances if u.session == chosen}
        testing = {u.id for u in utterances if u.session == test}
        divided.append(_fold(f"session{test}", utterances, validation, testing))
    return divided


def _by_speakers(
    utterances: Sequence[Utterance], count: int, rng: np.random.Generator
) -> list[Fold]:
    """Return folds of groups of similar size; large speakers are assigned first."""
    sizes = Counter(u.speaker for u in utterances)
    if not 3 <= count <= len(sizes):
        remedy = f"add speakers or splits{alternatives_clause(utterances, 'speakers')}"
        if len(sizes) > 2:
            remedy = f"use --folds 3{f' to {len(sizes)}' if len(sizes) > 3 else ''}"
        raise AffuseError(
            f"protocol 'speakers' cannot make {count} folds of {len(sizes)} speakers: "
            f"each fold needs different speakers to train, validate and test; {remedy}"
        )
    groups: list[list[str]] = [[] for _ in range(count)]
    loads = [0] * count
    for speaker in sorted(shuffle(sizes, rng), key=lambda s: -sizes[s]):
        lightest = loads.index(min(loads))
        groups[lightest].append(speaker)
        loads[lightest] += sizes[speaker]
    ids = [{u.id for u in utterances if u.speaker in set(group)} for group in groups]
    return [
        _fold(f"speakers{k + 1}", utterances, ids[(k + 1) % count], ids[k])
        for k in range(count)
    ]


def _official(
    utterances: Sequence[Utterance],
    rng: np.random.Generator,
    everyone: Sequence[Utterance],
) -> list[Fold]:
    official_splits.demand(utterances, everyone)
    training = [u for u in utterances if u.split == "train"]
    validation = {u.id for u in utterances if u.split == "dev"}
    if not validation:
        validation, _ = draw_validation(training, rng)
    testing = {u.id for u in utterances if u.split == "test"}
    return [_fold("test", training, validation, testing)]


def _fold(
    name: str, utterances: Sequence[Utterance], validation: set[str], test: set[str]
) -> Fold:
    """Return a fold in which the utterances of neither part train."""
    train = {u.id for u in utterances} - validation - test
    return Fold(name, *(tuple(sorted(ids)) for ids in (train, validation, test)))


def _demand_speakers(utterances: Sequence[Utterance], protocol: str) -> None:
    if protocol not in PROTOCOLS:
        raise OptionError(
            f"protocol must be one of {', '.join(PROTOCOLS)}, got {protocol!r}"
            f"{hint(protocol, PROTOCOLS)}"
        )
    if protocol != "official":
        _demand("speaker", utterances, protocol)


def _demand(field: str, utterances: Sequence[Utterance], protocol: str) -> None:
    """Raise an error if an utterance has no speaker, or no session."""
    if unknown := [u.id for u in utterances if not spelling(getattr(u, field))]:
        others = alternatives_clause(utterances, protocol)
        few = len(unknown) < len(utterances)  # or nothing would be left
        leave = f",{'' if others else ' or'} leave them out" if few else ""
        raise AffuseError(
            f"{len(unknown)} of {len(utterances)} utterances have no {field} "
            f"({abbreviate(unknown)}), but protocol '{protocol}' divides by it; name "
            f"their {field} in the corpus{leave}{others}"
        )


def abbreviate(names: Iterable[str]) -> str:
    """Return the first `SHOWN` names in one line, and how many more there are."""
    ordered = sorted(names)
    more = f" and {len(ordered) - SHOWN} more" if len(ordered) > SHOWN else ""
    return ", ".join(ordered[:SHOWN]) + more
