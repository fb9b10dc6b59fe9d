"""Section of the learning curves of every fold and seed."""

from affuse.data.errors import AffuseError
from affuse.fuse.figures.learning_figure import learning_figure
from affuse.fuse.page.page_records import (
    FigureGroup,
    PageSection,
    no_predictions,
    trained_rows,
)
from affuse.fuse.reporting.table_records import ReportTable
from affuse.fuse.trained.training_history import read_curves


def learning_section(table: ReportTable) -> PageSection:
    """Return the learning curves of all runs that were trained in several epochs.

    Args:
        table: of a report
    """
    figures, sentences, single = [], [], []
    rows = trained_rows(table)
    for each in rows:
        try:
            curves = read_curves(each.run.path)
        except (AffuseError, OSError) as error:
            sentences.append(f"{each.row.name}: no learning curve: {error}")
            continue
        if all(len(curve.epochs) == 1 for curve in curves):
            single.append(each.row.name)
        else:
            figures.append(learning_figure(table, each.place, each.row, curves))
    if single:
        verb = "was" if len(single) == 1 else "were"
        sentences.append(f"{', '.join(single)} {verb} fitted in a single step.")
    return PageSection(
        name="learning",
        title="Learning curves",
        sentences=(
            "Each line is the mean validation CCC of one fold and seed. A dot is the "
            "epoch of the best checkpoint.",
            *sentences,
        ),
        groups=(FigureGroup("All runs", tuple(figures)),) if figures else (),
        missing=() if rows else (no_predictions(),),
    )
