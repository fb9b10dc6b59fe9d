"""Decisions that a protocol makes where the corpus states nothing, in sentences.

`affuse.data.splits.protocols` makes the folds. This module only describes them, either
when they are made or from the files of a run folder.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from affuse.data.name_spellings import unify, variants
from affuse.data.records import Utterance
from affuse.data.runs.fold_table import FoldRow
from affuse.data.splits.protocols import Fold, abbreviate
from affuse.data.splits.validation_draws import draw_validation
from affuse.data.system.schema import Flag, ListOf, MapOf, Record, Text, Whole

KIND = Record(
    {
        "protocol": Text(200),
        "seed": Whole(),
        "drawn": Whole(),
        "pool": Whole(),
        "whole": Flag(),
        "groups": ListOf(Whole(), most=100_000),
        "unused": MapOf(Whole(), most=100_000),
        "spellings": ListOf(Text(10_000), most=100_000),
    }
)


@dataclass(frozen=True)
class Division:
    """Decisions of a protocol in one run."""

    protocol: str
    seed: int  # the setting split_seed
    drawn: int = 0  # utterances drawn at random for validation; 0: none
    pool: int = 0  # utterances that they were drawn from
    whole: bool = False  # True if all utterances of some speakers were drawn
    groups: tuple[int, ...] = ()  # speakers of each group, by fold
    unused: Mapping[str, int] = field(default_factory=dict)  # utterances in no fold
    spellings: tuple[str, ...] = ()  # spellings of each speaker that has several


def describe_folds(
    folds: Sequence[Fold], utterances: Sequence[Utterance], *, protocol: str, seed: int
) -> Division:
    """Return the decisions behind folds, from the utterances that were divided.

    Args:
        folds: all that `affuse.data.splits.protocols.folds` returned
        utterances: all that it divided, with speakers as the corpus spells them
        protocol: of these folds
        seed: the setting split_seed
    """
    ordered = unify(sorted(utterances, key=lambda u: u.id))
    used = {i for f in folds for part in (f.train, f.validation, f.test) for i in part}
    division = _describe(folds, ordered, protocol, seed)
    if protocol == "official" and any(u.split == "dev" for u in ordered):
        division = Division(protocol, seed)
    return replace(
        division,
        unused=dict(
            sorted(Counter(u.split for u in ordered if u.id not in used).items())
        ),
        spellings=_spellings(utterances),
    )


def derive_division(rows: Sequence[FoldRow], *, protocol: str, seed: int) -> Division:
    """Return the decisions behind the folds of an older run, which did not store them.

    For ``official``, the validation part is drawn again: if it is equal, it was drawn.
    The splits that are in no fold cannot be derived.

    Args:
        rows: of folds.csv
        protocol: of the run
        seed: the setting split_seed of the run
    """
    people = {r.id: Utterance(r.id, speaker=r.speaker, session=r.session) for r in rows}
    parts: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        parts.setdefault(row.fold, {}).setdefault(row.part, []).append(row.id)
    folds = [
        Fold(name, *(tuple(by.get(p, ())) for p in ("train", "validation", "test")))
        for name, by in parts.items()
    ]
    ordered = sorted(people.values(), key=lambda u: u.id)
    division = _describe(folds, ordered, protocol, seed)
    is_redrawn = {i for f in folds for i in f.validation} == _drawn_again(
        folds, people, seed
    )
    return (
        Division(protocol, seed)
        if protocol == "official" and not is_redrawn
        else division
    )


def _describe(
    folds: Sequence[Fold], utterances: Sequence[Utterance], protocol: str, seed: int
) -> Division:
    """Return the decisions behind folds, assuming that validation was drawn."""
    people = {u.id: u.speaker for u in utterances}
    if protocol == "speakers":
        groups = tuple(len({people[i] for i in fold.test}) for fold in folds)
        return Division(protocol, seed, groups=groups)
    if protocol not in ("official", "session5"):
        return Division(protocol, seed)
    drawn = sum(len(fold.validation) for fold in folds)
    speakers = [
        {people[i] for i in ids} for f in folds for ids in (f.train, f.validation)
    ]
    return Division(
        protocol,
        seed,
        drawn=drawn,
        pool=drawn + sum(len(fold.train) for fold in folds),
        whole=protocol == "official"
        and not set.intersection(*speakers)
        and "" not in set.union(*speakers),
    )


def _drawn_again(
    folds: Sequence[Fold], people: Mapping[str, Utterance], seed: int
) -> set[str]:
    """Return the ids that ``official`` would draw for validation."""
    ids = sorted(i for fold in folds for i in (*fold.train, *fold.validation))
    chosen = [people[i] for i in ids]
    return draw_validation(chosen, np.random.default_rng(seed))[0] if chosen else set()


def _spellings(utterances: Sequence[Utterance]) -> tuple[str, ...]:
    """Return the quoted spellings of each speaker that has several."""
    groups = variants(u.speaker for u in utterances)
    return tuple(
        " and ".join(f"'{name}'" for name in groups[name_]) for name_ in sorted(groups)
    )


def parse(facts: Mapping[str, Any]) -> Division:
    """Return the division that `dataclasses.asdict` turned into a dictionary.

    Args:
        facts: as `KIND` checks them
    """
    tuples = {name: tuple(facts[name]) for name in ("groups", "spellings")}
    return Division(**{**facts, **tuples})


def sentences(division: Division) -> Iterator[str]:
    """Yield one sentence for each decision that the corpus left open.

    Args:
        division: as `describe_folds` returns it
    """
    start = f"Protocol {division.protocol}"
    random = f"drawn at random (split_seed {division.seed})"
    if division.drawn:
        if division.protocol == "official":
            start += ": the corpus has no split dev"
            pool = "utterances of the training part"
        else:
            start += ": no session is named for validation"
            pool = "utterances of the sessions that do not test"
        manner = "all utterances of some speakers" if division.whole else "one by one"
        end = (
            "" if division.whole else ", so validation may share speakers with training"
        )
        yield (
            f"{start}; {division.drawn:,} of {division.pool:,} {pool} validate, "
            f"{random}, {manner}{end}"
        )
    if division.groups:
        groups = division.groups
        sizes = sorted({min(groups), max(groups)})
        yield (
            f"{start}: {sum(groups)} speakers in {len(groups)} groups of "
            f"{' to '.join(map(str, sizes))}, {random} and balanced by utterances; "
            f"the next group validates"
        )
    if division.unused:
        counts = (f"{n:,} of {_split(name)}" for name, n in division.unused.items())
        yield (
            f"{start}: {sum(division.unused.values()):,} utterances are in no fold: "
            f"{', '.join(counts)}"
        )
    if division.spellings:
        count = len(division.spellings)
        yield (
            f"Speakers: {count} {'is' if count == 1 else 'are'} spelt in several ways, "
            f"each taken as one: {abbreviate(division.spellings)}"
        )


def _split(name: str) -> str:
    return f"split '{name}'" if name else "no split"
