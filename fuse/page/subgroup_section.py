"""Section of subgroups: kinds of sentences, and groups by each column of the corpus."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from affuse.data.errors import AffuseError
from affuse.data.options.report_options import Report
from affuse.fuse.figures.forest_figure import ForestRow, forest
from affuse.fuse.figures.report_figure import ReportFigure, file_word
from affuse.fuse.page.page_records import (
    FigureGroup,
    MissingData,
    PageCell,
    PageSection,
    PageTable,
    ScoredRow,
    no_predictions,
    scored_rows,
)
from affuse.fuse.reporting.duration_groups import duration_groups
from affuse.fuse.reporting.scored_rows import estimate_sections
from affuse.fuse.reporting.sections import group_sections, sections
from affuse.fuse.reporting.subgroups import column_names
from affuse.fuse.reporting.table_records import ReportTable, bounds, is_known
from affuse.fuse.scoring.statistics import Estimate
from affuse.fuse.wording import count, figure

# Columns of units, which are too many and too small to be compared with each other.
UNITS = {"dialogue", "recording"}
KINDS = "kind of sentence"
DURATION = "duration"
UNDEFINED = (
    "A dash stands for a CCC that is undefined, because the ratings of the group do "
    "not vary in a fold."
)


@dataclass(frozen=True)
class GroupedRow:
    """Row of a table with the estimates of its groups."""

    scored: ScoredRow
    groups: Mapping[str, Estimate]  # group -> CCC

    @property
    def gap(self) -> float:
        """Difference between the best and the worst group with an interval."""
        values = [e.mean.value for e in self.groups.values() if is_known(e.mean)]
        return max(values) - min(values) if len(values) > 1 else -math.inf


def subgroup_section(table: ReportTable) -> PageSection:
    """Return the CCC of subgroups, and the largest gap of each column.

    Args:
        table: of a report
    """
    rows = list(scored_rows(table))
    tables, figures, sentences, lacking = [], [], [], False
    for column in _columns(table, rows):
        try:
            grouped = [_grouped(table, each, column) for each in rows]
        except AffuseError as error:  # there are too many groups
            sentences.append(f"Groups by {column} are not shown: {error}.")
            continue
        if max((len(each.groups) for each in grouped), default=0) > 1:
            tables.append(_table(table, column, grouped))
            figures.append(_figure(table, column, grouped))
            sentences += _largest_gap(column, grouped)
            lacking = lacking or any(map(_lacks_figure, grouped))
    return PageSection(
        name="subgroups",
        title="Subgroups",
        sentences=(
            "The gaps below were searched for and not tested: some of them are there "
            "by chance. A figure shows the row of highest mean CCC.",
            *sentences,
            *((UNDEFINED,) if lacking else ()),
        ),
        tables=tuple(tables),
        groups=(FigureGroup("Mean CCC of groups", tuple(figures)),) if figures else (),
        missing=tuple(_missing(table, rows)),
    )


def _lacks_figure(grouped: GroupedRow) -> bool:
    """Return True if the mean CCC of a group is undefined."""
    return any(math.isnan(e.mean.value) for e in grouped.groups.values())


def _missing(table: ReportTable, rows: Sequence[ScoredRow]) -> Iterator[MissingData]:
    """Yield the commands that provide what the section lacks."""
    if not rows:
        yield no_predictions()
    elif not table.durations and any("audio" in e.run.info.encoders for e in rows):
        command = Report(form="html", output="report.html", cache=Path("cache"))
        yield MissingData("Groups by duration need the cache.", str(command))


def _columns(table: ReportTable, rows: Sequence[ScoredRow]) -> list[str]:
    """Return the kinds of sentences, the durations, and the columns of the corpus."""
    names = column_names([each.run for each in rows])
    first = [KINDS, DURATION] if table.durations else [KINDS]
    return [*first, *(name for name in names if name not in {*UNITS, *first})]


def _grouped(table: ReportTable, each: ScoredRow, column: str) -> GroupedRow:
    """Return a row with the CCC of each group of a column.

    Raises:
        AffuseError: if there are too many groups
    """
    sources = table.sources
    assert sources is not None  # there are no rows without it
    if column == KINDS:
        kinds = sections(each.run).keys() - {"all"}
        found = each.row.sections.items()
        return GroupedRow(each, {name: value for name, value in found if name in kinds})
    if column == DURATION and table.durations:
        mine = duration_groups(each.run, table.durations)
    else:
        mine = group_sections(each.run, column)
    estimates = estimate_sections(mine, sources.unit, sources.unit_name)
    return GroupedRow(each, estimates)


def _table(table: ReportTable, column: str, grouped: Sequence[GroupedRow]) -> PageTable:
    """Return the figures of all rows and groups."""
    heads = ("design", "group", *table.targets, "mean", "utterances", "clusters")
    rows = []
    for each in grouped:
        for name, estimate in each.groups.items():
            intervals = [*map(estimate.ratings.get, table.targets), estimate.mean]
            cells = (
                PageCell(f"{figure(i.value)} {bounds(i)}".strip(), i.value)
                if i
                else PageCell("")
                for i in intervals
            )
            counts = (
                PageCell(f"{estimate.utterances:,}", float(estimate.utterances)),
                PageCell(
                    count(estimate.clusters, estimate.unit), float(estimate.clusters)
                ),
            )
            first = (PageCell(each.scored.row.name), PageCell(name))
            rows.append((*first, *cells, *counts))
    return PageTable(f"CCC by {column}", heads, tuple(rows), sortable=True)


def _figure(
    table: ReportTable, column: str, grouped: Sequence[GroupedRow]
) -> ReportFigure:
    """Return the groups of the row of highest mean CCC as a forest plot."""
    best = max(grouped, key=_mean)
    rows = [
        ForestRow(f"{name}, {count(e.utterances, 'utterance')}", e.mean)
        for name, e in best.groups.items()
    ]
    title = f"Mean CCC by {column}: {best.scored.row.name}"
    return forest(f"subgroups-{file_word(column)}", title, table.kind, rows)


def _mean(each: GroupedRow) -> float:
    """Return the mean CCC of a row on all utterances; undefined CCCs are lowest."""
    value = each.scored.row.sections["all"].mean.value
    return -math.inf if math.isnan(value) else value


def _largest_gap(column: str, grouped: Sequence[GroupedRow]) -> Iterator[str]:
    """Yield a sentence on the largest gap between two groups of one row."""
    widest = max(grouped, key=lambda each: each.gap)
    known = {n: e for n, e in widest.groups.items() if is_known(e.mean)}
    if len(known) < 2:
        return
    high = max(known, key=lambda name: known[name].mean.value)
    low = min(known, key=lambda name: known[name].mean.value)
    words = (
        f"{name} {figure(known[name].mean.value)} {bounds(known[name].mean)} "
        f"({count(known[name].utterances, 'utterance')})"
        for name in (high, low)
    )
    yield (
        f"Largest gap by {column}: {figure(widest.gap)} for {widest.scored.row.name}, "
        f"between {' and '.join(words)}."
    )
