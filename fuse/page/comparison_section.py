"""Section of forest plots, paired differences and significance tests."""

from dataclasses import replace

from affuse.data.options.report_options import Report
from affuse.fuse.figures.difference_figure import difference_figure
from affuse.fuse.figures.forest_figure import forest_figures
from affuse.fuse.page.page_records import (
    FigureGroup,
    MissingData,
    PageSection,
    block_table,
)
from affuse.fuse.reporting.blocks import blocks
from affuse.fuse.reporting.table_records import ReportTable


def comparison_section(table: ReportTable) -> PageSection:
    """Return the comparisons of rows.

    Args:
        table: of a report
    """
    matrix = difference_figure(table)
    groups = [FigureGroup("CCC with intervals", tuple(forest_figures(table)))]
    if matrix:
        groups.append(FigureGroup("All pairs", (matrix,)))
    alone = replace(table, split=False, columns=())
    command = Report(pairs=True, form="html", output="report.html")
    missing = MissingData("All pairs of rows are not compared.", str(command))
    return PageSection(
        name="comparisons",
        title="Comparisons of designs",
        sentences=(
            "A star marks a difference that is significant after Holm's correction.",
        ),
        remarks=table.comparisons,
        tables=tuple(map(block_table, blocks(alone))) if table.pairs else (),
        groups=tuple(group for group in groups if group.figures),
        missing=() if table.pairs else (missing,),
    )
