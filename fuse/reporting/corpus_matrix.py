"""Matrix of a report: a row for each training set and design, a column for each corpus.

A cell on the diagonal is the cross-validated figure of the run's own test parts. Any
other cell is the mean CCC of the run's models on a test corpus, see
`affuse.fuse.scoring.corpus_scores`.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from affuse.data.errors import AffuseError
from affuse.data.rating_scales import RATINGS
from affuse.data.records import worst_nature
from affuse.data.runs.corpus_tests import CorpusTestRun, read_corpus_tests
from affuse.data.runs.fold_table import FoldRow
from affuse.data.runs.run_predictions import Run
from affuse.data.terminal import printable
from affuse.fuse.reporting import matrix_notes
from affuse.fuse.reporting.matrix_records import (
    MatrixCell,
    MatrixColumn,
    MatrixRow,
    MatrixTable,
)
from affuse.fuse.reporting.matrix_tests import (
    mark_rows,
    pool_models,
    without_prefix,
)
from affuse.fuse.reporting.sections import subset
from affuse.fuse.reporting.table_records import ReportTable, TableRow
from affuse.fuse.scoring.corpus_scores import estimate_test_corpus
from affuse.fuse.scoring.statistics import estimate

Tests = Mapping[str, Sequence[CorpusTestRun]]  # {name of a run: its tests}


def add_matrix(
    tables: Sequence[ReportTable], runs: Sequence[Run], unit: str, problems: list[str]
) -> tuple[ReportTable, ...]:
    """Return the tables, and the matrix if a run was tested with another corpus.

    Args:
        tables: of the runs
        runs: of the tables
        unit: of the intervals; "" selects it for each test corpus
        problems: to which a sentence on each damaged test is added
    """
    tests = _read(runs, problems)
    if not any(tests.values()) and not any(run.info.members for run in runs):
        return tuple(tables)
    by_name = {run.info.name: run for run in runs}
    rows = tuple(
        _row(
            row,
            _within(row, by_name[row.info.name], unit),
            tests[row.info.name],
            unit,
        )
        for table in tables
        for row in table.rows
        if row.info and not row.mapped and row.members == 1
    )
    rows, comparisons = mark_rows(rows, [by_name[row.info.name] for row in rows], unit)
    columns = _columns(rows, tests)
    targets = {name for row in rows for name in row.info.targets}
    matrix = MatrixTable(
        corpus=", ".join(column.corpus for column in columns),
        nature=worst_nature(column.nature for column in columns),
        protocol=", ".join(dict.fromkeys(row.info.protocol for row in rows)),
        targets=tuple(name for name in RATINGS if name in targets),
        rows=(),
        encoders=(),
        shared=None,
        notes=tuple(matrix_notes.notes(rows, columns, runs, tests, comparisons)),
        columns_of_matrix=columns,
        rows_of_matrix=rows,
    )
    return (*tables, matrix)


def _read(runs: Sequence[Run], problems: list[str]) -> dict[str, list[CorpusTestRun]]:
    """Return the tests of each run; a run with a damaged test has none."""
    tests = {}
    for run in runs:
        tests[run.info.name] = list[CorpusTestRun]()
        try:
            tests[run.info.name] += read_corpus_tests(run)
        except (AffuseError, OSError) as error:
            problems.append(printable(f"damaged, so not in the matrix: {error}"))
    return tests


def _within(row: TableRow, run: Run, unit: str) -> dict[str, MatrixCell]:
    """Return the cross-validated figure of each training corpus of a run, by corpus."""
    if not run.info.members:
        return {run.info.corpus: MatrixCell(row.sections["all"], True, run)}
    cells = {}
    for member in run.info.members:
        part = subset(run, partial(_is_of, prefix=member.prefix))
        if part is not None:
            scored = without_prefix(part, member.prefix)
            cells[member.name] = MatrixCell(estimate(part, unit=unit), True, scored)
    return cells


def _is_of(row: FoldRow, *, prefix: str) -> bool:
    """Return True if an utterance is of the corpus with this prefix."""
    return row.id.startswith(prefix)


def _row(
    row: TableRow,
    cells: Mapping[str, MatrixCell],
    tests: Sequence[CorpusTestRun],
    unit: str,
) -> MatrixRow:
    """Return the row of a run, with its cross-validated figures and its tests."""
    assert row.info is not None  # a published system has no tests
    tested = {
        test.facts.corpus: MatrixCell(
            estimate_test_corpus(test.run, unit=unit), False, pool_models(test.run)
        )
        for test in tests
    }
    corpora = [(m.name, m.nature) for m in row.info.members]
    corpora = corpora or [(row.info.corpus, row.info.nature)]
    trained = " + ".join(f"{name} ({nature})" for name, nature in corpora)
    return MatrixRow(
        info=row.info,
        detail=row.detail,
        name=f"{trained}, {row.info.protocol}: {row.name}",
        cells={**tested, **cells},
    )


def _columns(rows: Sequence[MatrixRow], tests: Tests) -> tuple[MatrixColumn, ...]:
    """Return the test corpora, those of the training sets first."""
    natures: dict[str, list[str]] = {}
    for row in rows:
        if not row.info.members:
            natures.setdefault(row.info.corpus, []).append(row.info.nature)
        for member in row.info.members:
            natures.setdefault(member.name, []).append(member.nature)
    for test in sorted(_all(tests), key=lambda test: test.facts.corpus):
        natures.setdefault(test.facts.corpus, []).append(test.facts.nature)
    return tuple(MatrixColumn(name, worst_nature(n)) for name, n in natures.items())


def _all(tests: Tests) -> Iterator[CorpusTestRun]:
    """Yield the tests of all runs."""
    for each in tests.values():
        yield from each
