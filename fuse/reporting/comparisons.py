"""Comparisons and significance tests between the rows of a table.

By default each row of several modalities is compared with the best single modality on
the same encoders (`affuse.fuse.reporting.comparison_rows`), in every section except
groups by a column. With ``against``, every row is compared with the one of that name.
If two rows differ in more than one property (`affuse.fuse.reporting.contrasts`), they
are not tested, and the reason is reported. Holm's correction is over all tests of a
table, sections included, and separately over all pairs. A row that was trained
elsewhere is compared on the utterances that both rows have
(`affuse.fuse.reporting.common_utterances`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from affuse.data.errors import AffuseError
from affuse.data.runs.run_predictions import Run
from affuse.data.system.progress import DELAY, bar
from affuse.fuse.reporting.common_utterances import (
    ComparedPair,
    TooFewCommonError,
    take_common,
)
from affuse.fuse.reporting.comparison_rows import (
    best_row,
    choose_rivals,
    explain_missing_rivals,
)
from affuse.fuse.reporting.contrasts import ComparedRun, Contrast, contrast
from affuse.fuse.reporting.table_records import SECTIONS, Pair, TableRow, Versus
from affuse.fuse.scoring.clusters import ClusterUnit
from affuse.fuse.scoring.paired_tests import (
    PERMUTATIONS,
    holm,
    paired_difference,
    permutation_test,
)
from affuse.fuse.training.setting_resolution import has_map

Parts = Sequence[Mapping[str, Run]]  # for each row, section -> run


def compare_rows(
    parts: Parts,
    rows: Sequence[TableRow],
    *,
    against: str,
    unit: ClusterUnit | str,
    narrowed: bool = False,
) -> tuple[list[TableRow], tuple[str, ...]]:
    """Return rows with their comparisons, and sentences on missing comparisons.

    Args:
        parts: for each row, the run of each of its sections
        rows: of the table, in the same order
        against: name or design of a row; "" for the best single modality
        unit: as for `affuse.fuse.scoring.statistics.estimate`
        narrowed: True if the user left rows out of the table

    Raises:
        AffuseError: if `against` fits several rows
    """
    sides = _sides(parts, rows)
    rivals = choose_rivals(rows, sides, against)
    tested, missing = list(rows), list[str]()
    for i, others in rivals.items():
        try:
            versus, lacking = _versus(i, others, parts, rows, sides, unit)
        except AffuseError:
            name = rows[best_row(others, rows, "all")].name
            missing.append(
                f"{rows[i].name} - {name}: not compared, because they were scored on "
                f"other utterances or ratings"
            )
        else:
            tested[i] = replace(rows[i], versus=versus)
            missing += lacking
    untrained = explain_missing_rivals(rows, sides, against, narrowed=narrowed)
    return _adjusted(tested), (*missing, *untrained)


def _sides(parts: Parts, rows: Sequence[TableRow]) -> list[ComparedRun]:
    """Return the properties of each row's models, from their predictions.

    Ensembles and mapped networks have the properties of their run.
    """
    runs = [each["all"] for each in parts]
    of_models = {
        row.info.name: ComparedRun.of(run)
        for row, run in zip(rows, runs, strict=True)
        if row.info and not row.mapped and row.members == 1
    }
    return [of_models.get(run.info.name) or ComparedRun.of(run) for run in runs]


def _versus(
    i: int,
    others: Sequence[int],
    parts: Parts,
    rows: Sequence[TableRow],
    sides: Sequence[ComparedRun],
    unit: ClusterUnit | str,
) -> tuple[dict[str, Versus], list[str]]:
    """Return the comparison of a row with the best of the others in each section.

    Sentences name the sections with too few common utterances.

    Raises:
        AffuseError: if they were scored on other utterances or ratings
    """
    by_section: dict[str, Versus] = {}
    missing = list[str]()
    done: dict[tuple[int, bytes], Versus] = {}  # sections may have the same utterances
    for section in rows[i].sections:
        rivals = [k for k in others if section in rows[k].sections]
        if rivals and section in SECTIONS:
            k = best_row(rivals, rows, section)
            try:
                pair = take_common(parts[i][section], parts[k][section])
            except TooFewCommonError as error:
                names = f"{rows[i].name} - {rows[k].name}"
                where = "" if section == "all" else f"{section}: "
                missing.append(f"{where}{names}: not compared, because {error}")
                continue
            same = pair.tested, pair.a.predictions.id.tobytes()
            if same not in done:
                differences = _with_map(contrast(sides[i], sides[k]), rows[i], rows[k])
                done[same] = _difference(rows[k].name, pair, unit, differences)
            by_section[section] = done[same]
    return by_section, missing


def _with_map(differences: Contrast, row: TableRow, other: TableRow) -> Contrast:
    """Return differences with a remark if one of two rows has an affine map."""
    mapped = [
        each.mapped or (each.info is not None and has_map(each.info))
        for each in (row, other)
    ]
    if all(mapped) or not any(mapped):
        return differences
    names = (row.name, other.name) if mapped[0] else (other.name, row.name)
    words = "{} has an affine map, {} has none".format(*names)
    remarks = filter(None, (differences.remark, words))
    return replace(differences, remark="; ".join(remarks))


def _difference(
    name: str, pair: ComparedPair, unit: ClusterUnit | str, differences: Contrast
) -> Versus:
    """Return one run minus another, before the correction for multiple tests."""
    difference = paired_difference(pair.a, pair.b, unit=unit)
    found = Versus(name, difference, utterances=pair.utterances, tested=pair.tested)
    if differences.reason:
        return replace(found, reason=differences.reason)
    p = permutation_test(pair.a, pair.b, unit=unit, permutations=PERMUTATIONS)
    return replace(found, p=p, remark=differences.remark)


def _adjusted(rows: Sequence[TableRow]) -> list[TableRow]:
    """Return rows with p-values corrected for the number of comparisons.

    Sections of the same utterances share a comparison, which counts once.
    """
    each = {id(v): v for row in rows for v in row.versus.values()}
    pairs = zip(each.items(), holm([v.p for v in each.values()]), strict=True)
    corrected = {place: replace(v, adjusted=p) for (place, v), p in pairs}
    return [
        replace(row, versus={n: corrected[id(v)] for n, v in row.versus.items()})
        for row in rows
    ]


def compare_all_pairs(
    parts: Parts, rows: Sequence[TableRow], *, unit: ClusterUnit | str
) -> tuple[Pair, ...]:
    """Return the difference of each row and every later one, on all utterances.

    Holm's correction is over all tested pairs.

    Args:
        parts: for each row, the run of each of its sections
        rows: of the table, in the same order
        unit: as for `affuse.fuse.scoring.statistics.estimate`
    """
    pairs = []
    sides = _sides(parts, rows)
    every = [*combinations(range(len(rows)), 2)]
    total = len(every)
    for i, k in bar(
        every, total=total, name="tests", unit="pairs", show=True, delay=DELAY
    ):
        try:
            runs = take_common(parts[i]["all"], parts[k]["all"])
            differences = _with_map(contrast(sides[i], sides[k]), rows[i], rows[k])
            versus = _difference(rows[k].name, runs, unit, differences)
        except AffuseError:
            pairs.append(Pair(rows[i].name, rows[k].name, None))
        else:
            pairs.append(Pair(rows[i].name, rows[k].name, versus))
    adjusted = iter(holm([pair.versus.p for pair in pairs if pair.versus]))
    return tuple(
        replace(pair, versus=replace(pair.versus, adjusted=next(adjusted)))
        if pair.versus
        else pair
        for pair in pairs
    )
