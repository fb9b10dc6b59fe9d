"""Section of predicted against rated values, residuals and the factors of each CCC."""

from dataclasses import replace

from affuse.fuse.figures.agreement_figure import agreement_figures
from affuse.fuse.page.page_records import (
    FigureGroup,
    PageSection,
    block_table,
    no_predictions,
    scored_rows,
)
from affuse.fuse.reporting.blocks import blocks
from affuse.fuse.reporting.table_records import ReportTable


def prediction_section(table: ReportTable) -> PageSection:
    """Return the predictions of all rows, one figure for each rating.

    Args:
        table: of a report
    """
    split = replace(table, split=True, pairs=(), columns=())
    groups = tuple(
        FigureGroup(
            each.row.name,
            tuple(agreement_figures(table, each.place, each.row, each.run)),
        )
        for each in scored_rows(table)
    )
    return PageSection(
        name="predictions",
        title="Predicted against rated values",
        sentences=(
            "A point is one prediction of one seed; many points are drawn as their "
            "density. On the solid line, predicted equals rated.",
            "The dashed line is the affine map of highest CCC, fitted on these test "
            "data. It is a diagnosis and no result.",
        ),
        tables=tuple(map(block_table, blocks(split))),
        groups=groups,
        missing=() if groups else (no_predictions(),),
    )
