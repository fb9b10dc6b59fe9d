"""What a protocol decides by itself where the corpus does not say it, in sentences.

`affuse.data.splits.protocols` makes the folds; this module only describes them, when
they are made or from what a run folder has kept of them.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from affuse.data.name_spellings import unify, variants
from affuse.data.records import Utterance
from affuse.data.runs.fold_table import FoldRow
from affuse.data.splits.protocols import Fold, some
from affuse.data.splits.validation_draws import held_out
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
    """Decisions of a protocol in one run; counts are of utterances."""

    protocol: str
    seed: int  # the setting split_seed
    drawn: int = 0  # for validation, at random out of the training part; 0: none
    pool: int = 0  # that they were drawn out of
    whole: bool = False  # all utterances of some speakers were drawn
    groups: tuple[int, ...] = ()  # speakers of each group that was made, by fold
    unused: Mapping[str, int] = field(default_factory=dict)  # in no fold, by split
    spellings: tuple[str, ...] = ()  # a speaker in all its spellings, for each such one


def of(
    folds: Sequence[Fold], utterances: Sequence[Utterance], *, protocol: str, seed: int
) -> Division:
    """Describe folds with the utterances at hand that they were made of.

    Args:
        folds: all that `affuse.data.splits.protocols.folds` made
        utterances: all that it was given, with speakers as the corpus spells them
        protocol: of these folds
        seed: the setting split_seed
    """
    ordered = unify(sorted(utterances, key=lambda u: u.id))
    used = {i for f in folds for part in (f.train, f.validation, f.test) for i in part}
    found = _described(folds, ordered, protocol, seed)
    if protocol == "official" and any(u.split == "dev" for u in ordered):
        found = Division(protocol, seed)
    return replace(
        found,
        unused=dict(
            sorted(Counter(u.split for u in ordered if u.id not in used).items())
        ),
        spellings=_spellings(utterances),
    )


def derived(rows: Sequence[FoldRow], *, protocol: str, seed: int) -> Division:
    """Describe the folds of a run of an older version, which kept no description.

    Whether ``official`` drew its validation part is told by drawing it again. Splits
    that are in no fold are not known.

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
    found = _described(folds, ordered, protocol, seed)
    again = {i for f in folds for i in f.validation} == _drawn_again(
        folds, people, seed
    )
    return Division(protocol, seed) if protocol == "official" and not again else found


def _described(
    folds: Sequence[Fold], utterances: Sequence[Utterance], protocol: str, seed: int
) -> Division:
    """Describe folds of which the validation part was drawn if the protocol may."""
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
    """Return the ids that ``official`` draws to validate, if it has to draw them."""
    ids = sorted(i for fold in folds for i in (*fold.train, *fold.validation))
    chosen = [people[i] for i in ids]
    return held_out(chosen, np.random.default_rng(seed))[0] if chosen else set()


def _spellings(utterances: Sequence[Utterance]) -> tuple[str, ...]:
    found = variants(u.speaker for u in utterances)
    return tuple(
        " and ".join(f"'{name}'" for name in found[one]) for one in sorted(found)
    )


def parse(facts: Mapping[str, Any]) -> Division:
    """Return the division that `dataclasses.asdict` turned into what `KIND` checks."""
    tuples = {name: tuple(facts[name]) for name in ("groups", "spellings")}
    return Division(**{**facts, **tuples})


def sentences(found: Division) -> Iterator[str]:
    """Yield one sentence for each decision that the corpus did not make."""
    start = f"Protocol {found.protocol}"
    random = f"drawn at random (split_seed {found.seed})"
    if found.drawn:
        if found.protocol == "official":
            start += ": the corpus has no split dev"
            what = "utterances of the training part"
        else:
            start += ": no session is named for validation"
            what = "utterances of the sessions that do not test"
        how = "all utterances of some speakers" if found.whole else "one by one"
        end = "" if found.whole else ", so validation may share speakers with training"
        yield (
            f"{start}; {found.drawn:,} of {found.pool:,} {what} validate, {random}, "
            f"{how}{end}"
        )
    if found.groups:
        sizes = sorted({min(found.groups), max(found.groups)})
        yield (
            f"{start}: {sum(found.groups)} speakers in {len(found.groups)} groups of "
            f"{' to '.join(map(str, sizes))}, {random} and balanced by utterances; the "
            f"next group validates"
        )
    if found.unused:
        each = (f"{n:,} of {_split(name)}" for name, n in found.unused.items())
        yield (
            f"{start}: {sum(found.unused.values()):,} utterances are in no fold: "
            f"{', '.join(each)}"
        )
    if found.spellings:
        count = len(found.spellings)
        yield (
            f"Speakers: {count} {'is' if count == 1 else 'are'} spelt in several ways, "
            f"each taken as one: {some(found.spellings)}"
        )


def _split(name: str) -> str:
    return f"split '{name}'" if name else "no split"
