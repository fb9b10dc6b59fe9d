"""Which rows of a table are compared with which, and what is significant.

By default each row of several modalities is compared with the best single modality on
the same encoders (`affuse.fuse.reporting.comparison_rows`), on every section but groups
of speakers; with ``against`` each other row with the one that is named. Where two rows
differ in more than one thing (`affuse.fuse.reporting.contrasts`), nothing is tested,
and why is said. Holm's correction is over all tests of a table, sections included, and
over all pairs where pairs are wanted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from affuse.data.errors import AffuseError
from affuse.data.runs.run_predictions import Run
from affuse.fuse.reporting.comparison_rows import best, gaps, to_beat
from affuse.fuse.reporting.contrasts import Contrast, Side, contrast
from affuse.fuse.reporting.table_records import SECTIONS, Pair, TableRow, Versus
from affuse.fuse.scoring.clusters import ClusterUnit
from affuse.fuse.scoring.paired_tests import (
    PERMUTATIONS,
    holm,
    paired_difference,
    permutation_test,
)
from affuse.fuse.training.setting_resolution import has_map

Parts = Sequence[Mapping[str, Run]]  # of every row, by section


def compared(
    parts: Parts,
    rows: Sequence[TableRow],
    *,
    against: str,
    unit: ClusterUnit | str,
    narrowed: bool = False,
) -> tuple[list[TableRow], tuple[str, ...]]:
    """Rows with what they were compared with, and sentences on what was not.

    Args:
        parts: of each row the runs that its sections score
        rows: in the same order
        against: name or design of a row; "": the best single modality
        unit: as for `affuse.fuse.scoring.statistics.estimate`
        narrowed: whether other rows of the table are left out on request

    Raises:
        AffuseError: if `against` fits several rows
    """
    sides = _sides(parts, rows)
    rivals = to_beat(rows, sides, against)
    found, missing = list(rows), list[str]()
    for i, others in rivals.items():
        try:
            versus = _versus(i, others, parts, rows, sides, unit)
        except AffuseError:
            name = rows[best(others, rows, "all")].name
            missing.append(
                f"{rows[i].name} - {name}: not compared, because they were scored on "
                f"other utterances or ratings"
            )
        else:
            found[i] = replace(rows[i], versus=versus)
    lacking = gaps(rows, sides, against, narrowed=narrowed)
    return _adjusted(found), (*missing, *lacking)


def _sides(parts: Parts, rows: Sequence[TableRow]) -> list[Side]:
    """Return what the models of each row are, as their own predictions show them.

    An ensemble, or a network after a map, is as its run is.
    """
    runs = [each["all"] for each in parts]
    own = {
        row.info.name: Side.of(run)
        for row, run in zip(rows, runs, strict=True)
        if row.info and not row.mapped and row.members == 1
    }
    return [own.get(run.info.name) or Side.of(run) for run in runs]


def _versus(
    i: int,
    others: Sequence[int],
    parts: Parts,
    rows: Sequence[TableRow],
    sides: Sequence[Side],
    unit: ClusterUnit | str,
) -> dict[str, Versus]:
    """One row less the best of the others on each section.

    Raises:
        AffuseError: if they were scored on other utterances or ratings
    """
    found: dict[str, Versus] = {}
    done: dict[bytes, Versus] = {}  # by the utterances, of which sections may be alike
    for section in rows[i].sections:
        rivals = [k for k in others if section in rows[k].sections]
        if rivals and section in SECTIONS:
            same = parts[i][section].predictions.id.tobytes()
            if same in done:
                found[section] = done[same]
                continue
            k = best(rivals, rows, section)
            pair = parts[i][section], parts[k][section]
            seen = _with_map(contrast(sides[i], sides[k]), rows[i], rows[k])
            found[section] = done[same] = _less(rows[k].name, *pair, unit, seen)
    return found


def _with_map(seen: Contrast, one: TableRow, other: TableRow) -> Contrast:
    """Return a contrast that says so where one of two rows has an affine map."""
    mapped = [
        row.mapped or (row.info is not None and has_map(row.info))
        for row in (one, other)
    ]
    if all(mapped) or not any(mapped):
        return seen
    names = (one.name, other.name) if mapped[0] else (other.name, one.name)
    words = "{} has an affine map, {} has none".format(*names)
    return replace(seen, remark="; ".join(filter(None, (seen.remark, words))))


def _less(name: str, a: Run, b: Run, unit: ClusterUnit | str, seen: Contrast) -> Versus:
    """One run less another, not yet corrected for the number of comparisons."""
    difference = paired_difference(a, b, unit=unit)
    if seen.reason:
        return Versus(name, difference, reason=seen.reason)
    p = permutation_test(a, b, unit=unit, permutations=PERMUTATIONS)
    return Versus(name, difference, p, remark=seen.remark)


def _adjusted(rows: Sequence[TableRow]) -> list[TableRow]:
    """Return rows whose comparisons are corrected for their number, each counted once.

    A comparison may stand in several sections, where these are the same utterances.
    """
    each = {id(v): v for row in rows for v in row.versus.values()}
    pairs = zip(each.items(), holm([v.p for v in each.values()]), strict=True)
    corrected = {place: replace(v, adjusted=p) for (place, v), p in pairs}
    return [
        replace(row, versus={n: corrected[id(v)] for n, v in row.versus.items()})
        for row in rows
    ]


def all_pairs(
    parts: Parts, rows: Sequence[TableRow], *, unit: ClusterUnit | str
) -> tuple[Pair, ...]:
    """Every row less every later one, on all utterances, corrected for their number."""
    found = []
    sides = _sides(parts, rows)
    for i, k in combinations(range(len(rows)), 2):
        pair = parts[i]["all"], parts[k]["all"]
        try:
            seen = _with_map(contrast(sides[i], sides[k]), rows[i], rows[k])
            versus = _less(rows[k].name, *pair, unit, seen)
        except AffuseError:
            found.append(Pair(rows[i].name, rows[k].name, None))
        else:
            found.append(Pair(rows[i].name, rows[k].name, versus))
    adjusted = iter(holm([pair.versus.p for pair in found if pair.versus]))
    return tuple(
        replace(pair, versus=replace(pair.versus, adjusted=next(adjusted)))
        if pair.versus
        else pair
        for pair in found
    )
