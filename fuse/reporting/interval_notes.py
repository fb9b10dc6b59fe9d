"""Footnotes on intervals and significance marks: what they rest on, what they lack."""

import math
from collections.abc import Iterator, Sequence

from affuse.fuse.models.trainable.design_registry import trainable
from affuse.fuse.reporting.table_records import (
    ALPHA,
    MARKS,
    SECTIONS,
    TableRow,
    is_known,
    shown,
)
from affuse.fuse.scoring.intervals import LEVEL
from affuse.fuse.scoring.paired_tests import PERMUTATIONS
from affuse.fuse.scoring.statistics import Estimate
from affuse.fuse.wording import count, figure

FEW = 6  # clusters in a fold; tests/test_coverage.py simulates as many and more


def notes(rows: Sequence[TableRow]) -> Iterator[str]:
    """Yield the sentences on intervals and marks that the rows of a table need."""
    found = [
        _significance(rows),
        _interval(rows),
        *_other_units(rows),
        _flat(rows),
        *_single(rows),
        *_few(rows),
        _one_seed(rows),
    ]
    yield from filter(None, found)


def _most(rows: Sequence[TableRow]) -> Estimate:
    """The figures of the row that rests on most clusters."""
    return max((row.sections["all"] for row in rows), key=lambda e: e.clusters)


def _tested(rows: Sequence[TableRow]) -> int:
    """Return the number of tests; one may stand in sections of equal utterances."""
    found = {id(v) for row in rows for v in row.versus.values() if v.p == v.p}
    return len(found)


def _significance(rows: Sequence[TableRow]) -> str:
    """What the marks mean, and what was tested."""
    tested = _tested(rows)
    if not tested:
        return ""
    marks = ", ".join(f"{mark} {verdict}" for verdict, mark in MARKS.items())
    return (
        f"{marks} than the row it is compared with: p < {figure(ALPHA, digits=2)}, "
        f"permutation test over {_most(rows).unit}s, {PERMUTATIONS:,} exchanges, "
        f"adjusted by Holm over {count(tested, 'comparison')}"
    )


def _interval(rows: Sequence[TableRow]) -> str:
    """How the intervals were made."""
    most = _most(rows)
    if all(math.isnan(row.sections["all"].mean.value) for row in rows):
        return ""  # no CCC is defined, which another sentence says
    if not any(_is_partly_known(row.sections["all"]) for row in rows):
        single = all(row.sections["all"].fewest < 2 for row in rows)
        return (
            f"Intervals: unknown, because a fold has only one {most.unit}"
            if single
            else ""  # `_flat` says why
        )
    seeds = " and seeds" if any(r.sections["all"].seeds > 1 for r in rows) else ""
    reason = (
        f". The unit is the {most.unit}, because {most.reason}" if most.reason else ""
    )
    alone = (
        f"; {count(most.alone, 'utterance')} without a known {most.unit} stand for "
        f"themselves"
        if most.alone
        else ""
    )
    return (
        f"Intervals: {LEVEL:.0%}, jackknife over {count(most.clusters, most.unit)}"
        f"{seeds}, Student's t on the scale of Fisher's z{reason}{alone}"
    )


def _is_partly_known(estimate: Estimate) -> bool:
    """Return True if the interval of any rating, or of the mean, is known."""
    return any(map(is_known, (*estimate.ratings.values(), estimate.mean)))


def _other_units(rows: Sequence[TableRow]) -> Iterator[str]:
    """Say so where the groups that are scored apart have another unit."""
    most = _most(rows)
    found: dict[tuple[str, str], list[str]] = {}
    for section in shown(rows):
        for estimate in (r.sections[section] for r in rows if section in r.sections):
            if estimate.unit != most.unit:
                found.setdefault((estimate.unit, estimate.reason), []).append(section)
    for (unit, reason), sections in found.items():
        names = ", ".join(dict.fromkeys(sections))
        yield f"{names}: intervals over {unit}s, because {reason}"


def _flat(rows: Sequence[TableRow]) -> str:
    """Names the rows with a figure whose interval would have no width."""
    names = [row.name for row in rows if any(map(_has_flat, row.sections.values()))]
    if not names:
        return ""
    return (
        f"An interval is left out where it would have no width, in {', '.join(names)}: "
        f"predictions that do not vary, or that are far outside the scale, give the "
        f"same figure whichever utterances are tested, which says nothing of others"
    )


def _has_flat(estimate: Estimate) -> bool:
    """Return True if an interval is unknown although there are clusters to rest on."""
    found = (*estimate.ratings.values(), estimate.mean)
    return estimate.fewest > 1 and not all(map(is_known, found))


def _single(rows: Sequence[TableRow]) -> Iterator[str]:
    """Say so where the figures are CCCs within one unit, such as within a speaker."""
    most = _most(rows)
    if most.folds > 1 and most.fewest == 1:
        yield (
            f"Some folds test a single {most.unit}: their CCC is that within one "
            f"{most.unit}, which is lower as a rule than that over several, and so are "
            f"figures and intervals"
        )


def _few(rows: Sequence[TableRow]) -> Iterator[str]:
    """Says so if there is too little to rest on."""
    most = _most(rows)
    for section in SECTIONS:
        found = [row.sections[section] for row in rows if section in row.sections]
        fewest = min((estimate.fewest for estimate in found), default=0)
        where = "" if section == "all" else f"{section}: "
        if 1 < fewest < FEW:
            yield (
                f"{where}Only {fewest} {most.unit}s in a fold: the intervals are wide, "
                f"and still too narrow if one {most.unit} is unlike all others"
            )
    tests = _tested(rows)
    least = 2 / 2**most.clusters
    if tests and least * tests > ALPHA:
        yield (
            f"With {count(most.clusters, most.unit)} no p can be much below "
            f"{figure(least)}, so {count(tests, 'comparison')} cannot be significant"
        )


def _one_seed(rows: Sequence[TableRow]) -> str:
    """Says so if another training may turn out otherwise."""
    seeded = [row for row in rows if trainable(row.design).is_seeded]
    if all(row.sections["all"].seeds > 1 for row in seeded):
        return ""
    return (
        "One seed: intervals and p are of the trained models; what other seeds would "
        "give is not in them (--seeds)"
    )
