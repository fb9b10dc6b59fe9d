"""Which rows of a table are compared with which, and what is significant.

By default each row of several modalities is compared with the best single modality, on
every section but groups of speakers; with ``against`` each other row with the one that
is named. By default a network after an affine map is compared with the best baseline
that has one too, and is no single modality to be compared with. Holm's correction is
over all comparisons of a table, sections included, and over all pairs where pairs are
wanted.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from data.errors import AffuseError
from data.predictions import Run
from fuse.calibration.networks import is_mapped
from fuse.figures import SECTIONS, Pair, Row, Versus
from fuse.paired import PERMUTATIONS, holm, paired_difference, permutation_test

SINGLE = ("audio", "text")  # designs that fusion has to beat
Parts = Sequence[Mapping[str, Run]]  # of every row, by section


def compared(
    parts: Parts, rows: Sequence[Row], *, against: str, unit: str
) -> tuple[list[Row], tuple[str, ...]]:
    """Rows with what they were compared with, and sentences on what was not.

    Args:
        parts: of each row the runs that its sections score
        rows: in the same order
        against: name or design of a row; "": the best single modality
        unit: as for `fuse.statistics.estimate`

    Raises:
        AffuseError: if `against` fits several rows
    """
    named = _named(rows, against) if against else _single(rows)
    mine = [i for i in range(len(rows)) if _faces(rows[i], i, named, against)]
    mapped = [] if against else _mapped(rows)
    found, missing = list(rows), list[str]()
    if mine and not named:
        missing.append(_lacking(against))
        mine = []
    if mapped:
        mine += [i for i in range(len(rows)) if rows[i].mapped]
    for i in mine:
        others = mapped if rows[i].mapped and not against else named
        try:
            versus = _versus(i, others, parts, rows, unit)
        except AffuseError:
            best = rows[_best(others, rows, "all")].name
            missing.append(
                f"{rows[i].name} - {best}: not compared, because they were scored on "
                f"other utterances or ratings"
            )
        else:
            found[i] = replace(rows[i], versus=versus)
    return _adjusted(found), tuple(missing)


def _named(rows: Sequence[Row], against: str) -> list[int]:
    """The one row of that name or design, if there is any."""
    found = [i for i, row in enumerate(rows) if row.name == against]
    designs = [row.design if not row.mapped else "" for row in rows]
    found = found or [i for i, design in enumerate(designs) if design == against]
    if len(found) > 1:
        names = ", ".join(f"'{rows[i].name}'" for i in found)
        raise AffuseError(
            f"several rows are of design '{against}'; compare against one of {names}"
        )
    return found


def _single(rows: Sequence[Row]) -> list[int]:
    """The rows of one modality, without those after an affine map."""
    return [i for i, r in enumerate(rows) if r.design in SINGLE and not r.mapped]


def _mapped(rows: Sequence[Row]) -> list[int]:
    """Return the baselines whose weights include an affine map."""
    return [i for i, row in enumerate(rows) if row.info and is_mapped(row.info)]


def _faces(row: Row, i: int, others: Sequence[int], against: str) -> bool:
    """Whether a row is compared with any of the others."""
    if i in others:
        return False
    if against:
        return True
    return row.info is not None and not row.mapped and len(row.info.encoders) > 1


def _lacking(against: str) -> str:
    """Why nothing is compared."""
    if against:
        return f"Nothing is compared with {against}, because the table has no such row"
    return (
        "Does fusion beat one modality? Train audio and text on the same cache to see"
    )


def _versus(
    i: int, others: Sequence[int], parts: Parts, rows: Sequence[Row], unit: str
) -> dict[str, Versus]:
    """One row less the best of the others on each section.

    Raises:
        AffuseError: if they were scored on other utterances or ratings
    """
    found = {}
    for section in rows[i].sections:
        rivals = [k for k in others if section in rows[k].sections]
        if rivals and section in SECTIONS:
            best = _best(rivals, rows, section)
            pair = parts[i][section], parts[best][section]
            found[section] = _less(rows[best].name, *pair, unit)
    return found


def _less(name: str, a: Run, b: Run, unit: str) -> Versus:
    """One run less another, not yet corrected for the number of comparisons."""
    difference = paired_difference(a, b, unit=unit)
    p = permutation_test(a, b, unit=unit, permutations=PERMUTATIONS)
    return Versus(name, difference, p)


def _best(others: Sequence[int], rows: Sequence[Row], section: str) -> int:
    """The row of highest mean CCC."""
    values = {i: rows[i].sections[section].mean.value for i in others}
    return max(others, key=lambda i: -math.inf if math.isnan(values[i]) else values[i])


def _adjusted(rows: Sequence[Row]) -> list[Row]:
    """Rows whose comparisons are corrected for their number."""
    places = [(i, name) for i, row in enumerate(rows) for name in row.versus]
    adjusted = holm([rows[i].versus[name].p for i, name in places])
    by_place = dict(zip(places, adjusted, strict=True))
    return [
        replace(
            row,
            versus={
                name: replace(versus, adjusted=by_place[i, name])
                for name, versus in row.versus.items()
            },
        )
        for i, row in enumerate(rows)
    ]


def all_pairs(parts: Parts, rows: Sequence[Row], *, unit: str) -> tuple[Pair, ...]:
    """Every row less every later one, on all utterances, corrected for their number."""
    found = []
    for i, k in combinations(range(len(rows)), 2):
        try:
            versus = _less(rows[k].name, parts[i]["all"], parts[k]["all"], unit)
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
