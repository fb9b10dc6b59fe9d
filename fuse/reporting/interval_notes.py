"""Footnotes on confidence intervals and significance marks: methods and limits."""

import math
from collections.abc import Iterator, Sequence

from affuse.fuse.models.trainable.design_registry import find_trainable
from affuse.fuse.reporting.table_records import (
    ALPHA,
    MARKS,
    SECTIONS,
    TableRow,
    is_known,
    section_names,
)
from affuse.fuse.scoring.intervals import LEVEL
from affuse.fuse.scoring.paired_tests import PERMUTATIONS
from affuse.fuse.scoring.statistics import Estimate
from affuse.fuse.wording import count, figure

# Clusters in a fold; tests/fuse/scoring/test_interval_coverage.py simulates this number
# and more.
FEW_CLUSTERS = 6


def notes(rows: Sequence[TableRow]) -> Iterator[str]:
    """Yield the footnotes on intervals and marks that the rows of a table need.

    Args:
        rows: of a table
    """
    sentences = [
        _significance(rows),
        _interval(rows),
        *_other_units(rows),
        _flat(rows),
        *_single(rows),
        *_few(rows),
        _one_seed(rows),
    ]
    yield from filter(None, sentences)


def _most(rows: Sequence[TableRow]) -> Estimate:
    """Return the figures of the row with the most clusters."""
    return max((row.sections["all"] for row in rows), key=lambda e: e.clusters)


def _tested(rows: Sequence[TableRow]) -> int:
    """Return the number of tests; sections of the same utterances share one."""
    tests = {id(v) for row in rows for v in row.versus.values() if v.p == v.p}
    return len(tests)


def _significance(rows: Sequence[TableRow]) -> str:
    """Return the meaning of the marks with the test, or ""."""
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
    """Return the method of the intervals, or ""."""
    most = _most(rows)
    if all(math.isnan(row.sections["all"].mean.value) for row in rows):
        return ""  # Another footnote says that no CCC is defined.
    if not any(_is_partly_known(row.sections["all"]) for row in rows):
        single = all(row.sections["all"].fewest < 2 for row in rows)
        return (
            f"Intervals: unknown, because a fold has only one {most.unit}"
            if single
            else ""  # The footnote of `_flat` gives the reason.
        )
    seeds = " and seeds" if any(r.sections["all"].seeds > 1 for r in rows) else ""
    reason = (
        f". The unit is the {most.unit}, because {most.reason}" if most.reason else ""
    )
    alone = (
        f"; each of {count(most.alone, 'utterance')} without a known {most.unit} is a "
        f"unit by itself"
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
    """Yield a footnote on groups whose intervals have another unit."""
    most = _most(rows)
    by_unit: dict[tuple[str, str], list[str]] = {}
    for section in section_names(rows):
        for estimate in (r.sections[section] for r in rows if section in r.sections):
            if estimate.unit != most.unit:
                key = estimate.unit, estimate.reason
                by_unit.setdefault(key, []).append(section)
    for (unit, reason), sections in by_unit.items():
        names = ", ".join(dict.fromkeys(sections))
        yield f"{names}: intervals over {unit}s, because {reason}"


def _flat(rows: Sequence[TableRow]) -> str:
    """Return a footnote on rows with an interval that would have no width, or ""."""
    names = [row.name for row in rows if any(map(_has_flat, row.sections.values()))]
    if not names:
        return ""
    return (
        f"An interval is left out where it would have no width, in {', '.join(names)}: "
        f"predictions that do not vary, or that are far outside the scale, have the "
        f"same figure for any utterances, so the interval would not be informative"
    )


def _has_flat(estimate: Estimate) -> bool:
    """Return True if an interval is unknown although each fold has several clusters."""
    intervals = (*estimate.ratings.values(), estimate.mean)
    return estimate.fewest > 1 and not all(map(is_known, intervals))


def _single(rows: Sequence[TableRow]) -> Iterator[str]:
    """Yield a footnote on CCCs within one unit, such as within a speaker."""
    most = _most(rows)
    if most.folds > 1 and most.fewest == 1:
        yield (
            f"Some folds test a single {most.unit}: their CCC is that within one "
            f"{most.unit}, which is usually lower than that over several, and so are "
            f"figures and intervals"
        )


def _few(rows: Sequence[TableRow]) -> Iterator[str]:
    """Yield footnotes on too few clusters for intervals or for significance."""
    most = _most(rows)
    for section in SECTIONS:
        estimates = [row.sections[section] for row in rows if section in row.sections]
        fewest = min((estimate.fewest for estimate in estimates), default=0)
        where = "" if section == "all" else f"{section}: "
        if 1 < fewest < FEW_CLUSTERS:
            yield (
                f"{where}Only {fewest} {most.unit}s in a fold: the intervals are wide, "
                f"and still too narrow if one {most.unit} is unlike all others"
            )
    tests = _tested(rows)
    least = 2 / 2**most.clusters
    if tests and least * tests > ALPHA:
        yield (
            f"{count(most.clusters, most.unit)} allow no p much below {figure(least)}. "
            f"So after Holm's correction for {count(tests, 'comparison')}, none of "
            f"them can be significant"
        )


def _one_seed(rows: Sequence[TableRow]) -> str:
    """Return a footnote on rows of a single seed, or ""."""
    trained = (row for row in rows if not row.is_imported)
    seeded = [row for row in trained if find_trainable(row.design).is_seeded]
    if all(row.sections["all"].seeds > 1 for row in seeded):
        return ""
    return (
        "One seed: intervals and p are of the trained models only and do not cover "
        "the variation between seeds (--seeds)"
    )
