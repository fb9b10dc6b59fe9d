"""Section of degraded inputs: the CCC in each condition, and its curves."""

from collections.abc import Iterator

from affuse.data.options.robustness_options import Robustness
from affuse.fuse.figures.report_figure import ReportFigure, file_word
from affuse.fuse.figures.robustness_figure import robustness_figure
from affuse.fuse.page.page_records import (
    FigureGroup,
    PageCell,
    PageSection,
    PageTable,
    ScoredRow,
    trained_rows,
)
from affuse.fuse.page.run_contents import read_each
from affuse.fuse.reporting.robustness_table import notes, title
from affuse.fuse.reporting.table_records import ReportTable, bounds
from affuse.fuse.robustness import robustness_file
from affuse.fuse.robustness.condition_records import (
    CLEAN,
    ConditionScore,
    RobustnessResult,
)
from affuse.fuse.wording import figure


def robustness_section(table: ReportTable) -> PageSection:
    """Return the scores of all runs that were tested on degraded inputs.

    Args:
        table: of a report
    """
    contents = read_each(
        trained_rows(table),
        lambda each: robustness_file.read(each.run.path),
        command=lambda run: Robustness(run=run),
        absence="was not tested on degraded inputs",
        noun="degraded inputs",
    )
    figures = [
        (each.row.name, tuple(_figures(table, each, result)))
        for each, result in contents.found
    ]
    remarks = (note for _, result in contents.found for note in notes(result))
    return PageSection(
        name="robustness",
        title="Degraded inputs",
        sentences=(
            "The trained models of each fold are applied to degraded recordings and "
            "transcripts of its test part. Nothing is trained on them.",
            *contents.damaged,
        ),
        tables=tuple(_table(result) for _, result in contents.found),
        groups=tuple(FigureGroup(name, drawn) for name, drawn in figures if drawn),
        missing=tuple(contents.missing),
        remarks=tuple(dict.fromkeys(remarks)),
    )


def _table(result: RobustnessResult) -> PageTable:
    """Return the CCC of one run in each condition."""
    heads = ("condition", *result.targets, "mean", "interval", "change", "interval")
    rows = (tuple(_cells(result, each)) for each in result.scores)
    return PageTable(title(result), heads, tuple(rows), sortable=True)


def _cells(result: RobustnessResult, each: ConditionScore) -> Iterator[PageCell]:
    """Yield the cells of one condition."""
    yield PageCell(each.facts.label)
    for value in (*(each.ratings[n].value for n in result.targets), each.mean.value):
        yield PageCell(figure(value), value)
    yield PageCell(bounds(each.mean))
    if each.facts.name == CLEAN:
        yield from (PageCell(""), PageCell(""))
    else:
        yield PageCell(figure(each.change.value, sign=True), each.change.value)
        yield PageCell(bounds(each.change, sign=True))


def _figures(
    table: ReportTable, each: ScoredRow, result: RobustnessResult
) -> Iterator[ReportFigure]:
    """Yield a curve for each degradation with several values, and all others in one."""
    name = f"robustness-{each.place}-{file_word(each.row.name)}"
    clean, *degraded = result.scores
    kinds: dict[str, list[ConditionScore]] = {}
    for score in degraded:
        kinds.setdefault(score.facts.name, []).append(score)
    curves = [scores for scores in kinds.values() if len(scores) > 1]
    others = [
        score for scores in kinds.values() if len(scores) == 1 for score in scores
    ]
    for scores in (*curves, *([others] if others else [])):
        yield robustness_figure(name, each.row.name, table.kind, [clean, *scores])
