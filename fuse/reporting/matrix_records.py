"""Records of the matrix of training sets and test corpora, without a format."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from affuse.data.runs.run_information import RunInfo
from affuse.data.runs.run_predictions import Run
from affuse.fuse.reporting.table_records import ReportTable, Versus
from affuse.fuse.scoring.statistics import Estimate


@dataclass(frozen=True)
class MatrixColumn:
    """Test corpus."""

    corpus: str
    nature: str  # kind of its ratings, one of `affuse.data.records.NATURES`

    @property
    def name(self) -> str:
        """Name with the kind of ratings, such as ``demo (synthetic)``."""
        return f"{self.corpus} ({self.nature})"


@dataclass(frozen=True)
class MatrixCell:
    """Figures of one run on one test corpus."""

    estimate: Estimate
    within: bool  # True for the run's own test parts, which are cross-validated
    scored: Run = field(repr=False, compare=False)  # predictions that are compared
    versus: Versus | None = None  # with the best row of the column


@dataclass(frozen=True)
class MatrixRow:
    """Run with its figures on each test corpus."""

    info: RunInfo
    detail: str  # distinguishes it from other runs of its design, or ""
    name: str  # unique in the matrix
    cells: Mapping[str, MatrixCell]  # by test corpus


@dataclass(frozen=True)
class MatrixTable(ReportTable):
    """Matrix, as the last table of a report; it has no rows of the other kind."""

    columns_of_matrix: tuple[MatrixColumn, ...] = ()
    rows_of_matrix: tuple[MatrixRow, ...] = ()

    @property
    def title(self) -> str:
        """Title of the matrix."""
        return "CCC by training set and test corpus"
