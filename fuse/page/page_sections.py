"""Sections of the page on one table, in the order in which they are read."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from affuse.data.system.progress import DELAY, bar
from affuse.fuse.figures.report_figure import ReportFigure
from affuse.fuse.page.calibration_section import calibration_section
from affuse.fuse.page.comparison_section import comparison_section
from affuse.fuse.page.contribution_section import contribution_section
from affuse.fuse.page.error_section import error_section
from affuse.fuse.page.learning_section import learning_section
from affuse.fuse.page.page_records import FigureGroup, PageSection
from affuse.fuse.page.prediction_section import prediction_section
from affuse.fuse.page.provenance_section import provenance_section
from affuse.fuse.page.results_section import caveats_section, results_section
from affuse.fuse.page.robustness_section import robustness_section
from affuse.fuse.page.subgroup_section import subgroup_section
from affuse.fuse.reporting.table_records import ReportTable

SECTIONS = (
    caveats_section,
    results_section,
    comparison_section,
    prediction_section,
    learning_section,
    subgroup_section,
    contribution_section,
    robustness_section,
    calibration_section,
    error_section,
    provenance_section,
)


def page_sections(table: ReportTable) -> tuple[PageSection, ...]:
    """Return the sections on one table.

    Args:
        table: of a report
    """
    with bar(
        SECTIONS,
        total=len(SECTIONS),
        name="page",
        unit="sections",
        show=True,
        delay=DELAY,
    ) as sections:
        return tuple(section(table) for section in sections)


def report_figures(tables: Sequence[ReportTable]) -> Iterator[ReportFigure]:
    """Yield all figures of a report; the names of their files begin with the table.

    Args:
        tables: of a report
    """
    for number, table in enumerate(tables, 1):
        for figure in section_figures(page_sections(table)):
            yield replace(figure, name=f"table{number}-{figure.name}")


def section_figures(sections: Sequence[PageSection]) -> Iterator[ReportFigure]:
    """Yield the figures of all sections.

    Args:
        sections: of a page
    """
    groups: list[FigureGroup] = [g for section in sections for g in section.groups]
    for group in groups:
        yield from group.figures
