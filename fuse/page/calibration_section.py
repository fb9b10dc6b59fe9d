"""Section of calibrated predictions: coverage of their intervals, rejection curves."""

from collections.abc import Iterator, Mapping

from affuse.data.options.run_options import Calibrate
from affuse.fuse.calibration import calibration_file, rejection
from affuse.fuse.calibration.calibration_scores import CalibrationScores
from affuse.fuse.figures.line_figure import LineAxes, line_figure
from affuse.fuse.figures.report_figure import ReportFigure, file_word
from affuse.fuse.page.page_records import (
    FigureGroup,
    PageCell,
    PageSection,
    PageTable,
    ScoredRow,
    trained_rows,
)
from affuse.fuse.page.run_contents import read_each
from affuse.fuse.reporting.table_records import ReportTable
from affuse.fuse.wording import figure

AXES = {
    "ccc": LineAxes("share of utterances kept", "CCC after the map", is_falling=True),
    "rmse": LineAxes("share of utterances kept", "RMSE after the map", is_falling=True),
}


def calibration_section(table: ReportTable) -> PageSection:
    """Return coverage and rejection curves of all calibrated runs.

    Args:
        table: of a report
    """
    contents = read_each(
        trained_rows(table),
        lambda each: _content(table, each),
        command=lambda run: Calibrate(run=run),
        absence="was not calibrated",
        noun="calibration",
    )
    return PageSection(
        name="calibration",
        title="Calibration",
        sentences=(
            "Calibrations are fitted on validation parts and scored on test parts. A "
            "rejection curve leaves out the utterances on which the seeds disagree.",
            *contents.damaged,
        ),
        tables=tuple(found for _, (found, _) in contents.found),
        groups=tuple(
            FigureGroup(each.row.name, figures)
            for each, (_, figures) in contents.found
            if figures
        ),
        missing=tuple(contents.missing),
    )


def _content(
    table: ReportTable, each: ScoredRow
) -> tuple[PageTable, tuple[ReportFigure, ...]]:
    """Return table and curves of a run.

    Raises:
        FileNotFoundError: if it was not calibrated
    """
    level = calibration_file.read(each.run.path).level
    scores = calibration_file.read_scores(each.run.path)
    return _table(each, level, scores), tuple(_curves(table, each))


def _table(
    each: ScoredRow, level: float, scores: Mapping[str, CalibrationScores]
) -> PageTable:
    """Return the figures of one run, a row for each rating."""
    heads = ("rating", "CCC", "CCC after the map", "RMSE", "RMSE after the map")
    rows = (
        tuple(map(PageCell, (name, *map(figure, _figures(found)))))
        for name, found in scores.items()
    )
    return PageTable(
        f"{each.row.name}: intervals that shall hold {level:.0%} of the ratings",
        (*heads, "coverage", "mean width"),
        tuple(rows),
    )


def _figures(found: CalibrationScores) -> tuple[float, ...]:
    """Return the figures of a rating in the order of the table."""
    errors = (found.rmse, found.rmse_mapped)
    return (found.together, found.mapped, *errors, found.coverage, found.width)


def _curves(table: ReportTable, each: ScoredRow) -> Iterator[ReportFigure]:
    """Yield the rejection curves of one run, as CCC and as RMSE."""
    curves = rejection.read(each.run.path)
    for name, axes in AXES.items():
        lines = {
            rating: [(point.kept, getattr(point, name)) for point in points]
            for rating, points in curves.items()
        }
        if lines:
            yield line_figure(
                f"rejection-{each.place}-{file_word(each.row.name)}-{name}",
                f"{each.row.name}: rejection curve",
                table.kind,
                axes,
                lines,
            )
