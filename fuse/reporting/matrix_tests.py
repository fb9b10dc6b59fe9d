"""Significance tests between the rows of a matrix, which differ in their training set.

In each column, rows of the same design, encoders and settings are compared with the
best of them, if they were scored on the same utterances. Cross-validated cells are
compared with each other, and so are the other cells. The test is that of
`affuse.fuse.scoring.paired_tests`. In a cell that is not cross-validated, all models of
a run predict the same utterances. So its models of all folds and seeds count as seeds,
and an exchange moves the predictions of all of them. Holm's correction is over all
tests of the matrix.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from affuse.data.errors import AffuseError
from affuse.data.runs.corpus_tests import CORPUS_TESTS
from affuse.data.runs.run_predictions import Run
from affuse.fuse.reporting.contrasts import (
    DIVISION,
    ComparedRun,
    differing_settings,
)
from affuse.fuse.reporting.matrix_records import MatrixCell, MatrixRow
from affuse.fuse.reporting.table_records import ALPHA, MARKS, Versus
from affuse.fuse.scoring.paired_tests import (
    PERMUTATIONS,
    holm,
    paired_difference,
    permutation_test,
)
from affuse.fuse.wording import count, figure

Key = tuple[str, ...]  # corpus, kind of the cell, design, encoders, code
NOT_COMPARED = (
    "Rows are not compared by tests, because no two rows of a column share design, "
    "encoders, settings and test utterances"
)


@dataclass
class _Tests:
    """Comparisons by place (number of the row, test corpus), and those left out."""

    versus: dict[tuple[int, str], Versus]
    other_utterances: int = 0
    other_settings: int = 0


def pool_models(test: Run) -> Run:
    """Return a test on another corpus as one fold, in which each model is a seed.

    Args:
        test: with the test corpus as the test part of each fold
    """
    p = test.predictions
    models = list(zip(p.fold.tolist(), p.seed.tolist(), strict=True))
    numbers = {model: n for n, model in enumerate(sorted(set(models)))}
    pooled = replace(
        p,
        fold=np.full(len(p.fold), CORPUS_TESTS),
        seed=np.array([numbers[model] for model in models], dtype=np.int64),
    )
    rows = {row.id: replace(row, fold=CORPUS_TESTS) for row in test.folds}
    return replace(test, predictions=pooled, folds=tuple(rows.values()))


def without_prefix(part: Run, prefix: str) -> Run:
    """Return the part of a run on one of its corpora, with ids as of that corpus alone.

    Args:
        part: test parts of utterances of the corpus
        prefix: with which their ids begin
    """
    ids = [id_.removeprefix(prefix) for id_ in part.predictions.id.tolist()]
    predictions = replace(part.predictions, id=np.array(ids, dtype=np.str_))
    rows = (replace(row, id=row.id.removeprefix(prefix)) for row in part.folds)
    return replace(part, predictions=predictions, folds=tuple(rows))


def mark_rows(
    rows: Sequence[MatrixRow], runs: Sequence[Run], unit: str
) -> tuple[tuple[MatrixRow, ...], tuple[str, ...]]:
    """Return the rows with comparisons in their cells, and footnotes.

    Args:
        rows: of the matrix
        runs: of the rows, in the same order
        unit: of the intervals; "" selects it for each comparison
    """
    sides = [ComparedRun.of(run) for run in runs]
    tests = _Tests({})
    for places in _groups(rows, sides).values():
        _compare(places, rows, sides, unit, tests)
    found = tests.versus
    adjusted = dict(zip(found, holm([v.p for v in found.values()]), strict=True))
    marked = tuple(
        replace(
            row,
            cells={
                corpus: replace(
                    cell,
                    versus=replace(found[n, corpus], adjusted=adjusted[n, corpus]),
                )
                if (n, corpus) in found
                else cell
                for corpus, cell in row.cells.items()
            },
        )
        for n, row in enumerate(rows)
    )
    return marked, tuple(_notes(tests))


def _groups(
    rows: Sequence[MatrixRow], sides: Sequence[ComparedRun]
) -> dict[Key, list[tuple[int, MatrixCell]]]:
    """Return the cells of each column that may be compared, the best one first."""
    groups: dict[Key, list[tuple[int, MatrixCell]]] = {}
    for number, row in enumerate(rows):
        info = sides[number].info
        encoders = json.dumps(info.encoders, sort_keys=True, default=dict)
        for corpus, cell in row.cells.items():
            if cell.estimate.mean.value == cell.estimate.mean.value:  # not NaN
                key = (corpus, str(cell.within), info.design, encoders, info.code)
                groups.setdefault(key, []).append((number, cell))
    for cells in groups.values():
        cells.sort(key=lambda each: -each[1].estimate.mean.value)
    return groups


def _compare(
    cells: Sequence[tuple[int, MatrixCell]],
    rows: Sequence[MatrixRow],
    sides: Sequence[ComparedRun],
    unit: str,
    tests: _Tests,
) -> None:
    """Add the comparison of each cell of a group with the best one."""
    (best, reference), *others = cells
    corpus = next(c for c, cell in rows[best].cells.items() if cell is reference)
    for number, cell in others:
        if {*differing_settings(sides[number], sides[best])} - {*DIVISION}:
            tests.other_settings += 1
            continue
        try:
            tests.versus[number, corpus] = Versus(
                rows[best].name,
                paired_difference(cell.scored, reference.scored, unit=unit),
                permutation_test(cell.scored, reference.scored, unit=unit),
            )
        except AffuseError:  # other utterances or ratings
            tests.other_utterances += 1


def _notes(tests: _Tests) -> Iterator[str]:
    """Yield footnotes on the comparisons."""
    if tests.versus:
        yield (
            f"{MARKS['worse']} worse than the best row of the column with the same "
            f"design, encoders and settings: p < {figure(ALPHA, digits=2)}, "
            f"permutation test of the mean CCC, {PERMUTATIONS:,} exchanges, adjusted "
            f"by Holm over {count(len(tests.versus), 'comparison')}; cross-validated "
            f"figures are compared among themselves. Training sets may differ in size"
        )
    else:
        yield NOT_COMPARED
    for cells, reason in (
        (tests.other_utterances, "they were scored on other utterances or ratings"),
        (tests.other_settings, "their settings differ"),
    ):
        if cells:
            yield (
                f"Cells that are not compared with the best row of their column, "
                f"because {reason}: {cells}"
            )
