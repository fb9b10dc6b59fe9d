"""Records of a page: sections, tables, cells and groups of figures, without HTML."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from affuse.data.options.report_options import Report
from affuse.data.runs.run_predictions import Run
from affuse.fuse.figures.report_figure import ReportFigure
from affuse.fuse.reporting.blocks import TableBlock
from affuse.fuse.reporting.table_records import ReportTable, TableRow


@dataclass(frozen=True)
class PageCell:
    """Cell of a table: text, the number that sorts its column, and a recording."""

    text: str
    key: float | None = None  # None: the column is sorted by the text
    sound: bytes = b""  # file in the format OGG, which the cell plays


@dataclass(frozen=True)
class PageTable:
    """Table of a section; its first column names the rows."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[PageCell, ...], ...]  # each as long as the heads
    sortable: bool = False

    def is_number(self, column: int) -> bool:
        """Return True if the cells of a column are numbers, which are aligned right."""
        return any(row[column].key is not None for row in self.rows)


@dataclass(frozen=True)
class MissingData:
    """Sentence on data that a section lacks, and the command that provides them."""

    sentence: str
    command: str
    others: tuple[str, ...] = ()  # commands for other runs, which are folded


@dataclass(frozen=True)
class FigureGroup:
    """Figures that belong together, such as those of one design."""

    heading: str
    figures: tuple[ReportFigure, ...]


@dataclass(frozen=True)
class PageSection:
    """Section of the page on one table of the report."""

    name: str  # for links; the same for every table
    title: str
    sentences: tuple[str, ...] = ()
    tables: tuple[PageTable, ...] = ()
    groups: tuple[FigureGroup, ...] = ()
    missing: tuple[MissingData, ...] = ()
    remarks: tuple[str, ...] = ()  # sentences below tables and figures, folded


@dataclass(frozen=True)
class ScoredRow:
    """Row of a table with the predictions that it scores."""

    place: int  # number of the row, from 1
    row: TableRow
    parts: Mapping[str, Run]  # section -> run

    @property
    def run(self) -> Run:
        """Run with all test predictions of the row."""
        return self.parts["all"]

    @property
    def is_trained(self) -> bool:
        """True for the models of a run; False for an ensemble or a mapped network."""
        return self.row.members == 1 and not self.row.mapped


def scored_rows(table: ReportTable) -> Iterator[ScoredRow]:
    """Yield the rows of runs with their predictions; none if these are not there.

    Args:
        table: of a report
    """
    if table.sources:
        rows = [row for row in table.rows if row.info]
        pairs = zip(rows, table.sources.parts, strict=True)
        for place, (row, parts) in enumerate(pairs, 1):
            yield ScoredRow(place, row, parts)


def trained_rows(table: ReportTable) -> list[ScoredRow]:
    """Return the rows of trained models, without ensembles and mapped networks.

    Args:
        table: of a report
    """
    return [scored for scored in scored_rows(table) if scored.is_trained]


def no_predictions() -> MissingData:
    """Return the sentence on a table without predictions."""
    command = Report(form="html", output="report.html", runs=Path("runs"))
    return MissingData("This section needs the folders of the runs.", str(command))


def block_table(block: TableBlock) -> PageTable:
    """Return a block of the report as a table of the page.

    Args:
        block: with a heading, heads and lines
    """
    rows = (tuple(map(PageCell, line)) for line in block.lines)
    return PageTable(block.heading, block.heads, tuple(rows))
