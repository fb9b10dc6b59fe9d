"""Section of the utterances whose predictions are furthest from their ratings."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from affuse.data.options.report_options import Report
from affuse.data.options.source_options import WriteUtterances
from affuse.data.runs.fold_table import FoldRow
from affuse.data.runs.run_predictions import Run
from affuse.fuse.page.page_records import (
    MissingData,
    PageCell,
    PageSection,
    PageTable,
    ScoredRow,
    no_predictions,
    trained_rows,
)
from affuse.fuse.reporting.table_records import ReportTable
from affuse.fuse.scoring.statistics import folds
from affuse.fuse.wording import figure

SHOWN = 5  # utterances of each run
CAUTION = (
    "This page contains transcripts. The licence of a corpus may forbid to share them."
)


def error_section(table: ReportTable) -> PageSection:
    """Return the utterances of largest error of each run.

    Args:
        table: of a report
    """
    rows = trained_rows(table)
    return PageSection(
        name="errors",
        title="Utterances with the largest errors",
        sentences=(
            "The distance is that between the prediction and the rating, averaged over "
            "the ratings on [-1, 1]. A prediction is the mean over the seeds.",
            *((CAUTION,) if table.transcripts else ()),
        ),
        tables=tuple(_table(each, table.transcripts) for each in rows),
        missing=() if rows and table.transcripts else (_missing(rows),),
    )


def _missing(rows: Sequence[ScoredRow]) -> MissingData:
    """Return the command that provides predictions, or else transcripts."""
    if not rows:
        return no_predictions()
    write = WriteUtterances(corpus=rows[0].run.info.corpus, output="texts.csv")
    show = Report(form="html", output="report.html", transcripts=Path("texts.csv"))
    return MissingData("Transcripts are not shown.", f"{write}; {show}")


def _table(each: ScoredRow, transcripts: Mapping[str, str]) -> PageTable:
    """Return the utterances of largest error of one run."""
    targets = each.run.info.targets
    heads = ("utterance", "fold", "speaker", *targets, "distance")
    rows = tuple(_lines(each.run, transcripts))
    heads = (*heads, "transcript") if transcripts else heads
    return PageTable(f"{each.row.name}: predicted (rated)", heads, rows)


def _lines(run: Run, transcripts: Mapping[str, str]) -> Iterator[tuple[PageCell, ...]]:
    """Yield a line for each of the utterances of largest error."""
    tested = {(row.fold, row.id): row for row in run.folds if row.part == "test"}
    found: list[tuple[float, FoldRow, np.ndarray, np.ndarray]] = []
    for fold in folds(run, "utterance"):
        mean = fold.predicted.mean(axis=0)  # (n, targets)
        distances = np.abs(mean - fold.truth).mean(axis=1)
        for k in np.argsort(-distances, kind="stable")[:SHOWN].tolist():
            row = tested[fold.name, str(fold.ids[k])]
            found.append((float(distances[k]), row, mean[k], fold.truth[k]))
    found.sort(key=lambda each: (-each[0], each[1].id))
    for distance, row, predicted, rated in found[:SHOWN]:
        texts = (
            f"{figure(p, digits=2)} ({figure(t, digits=2)})"
            for p, t in zip(predicted.tolist(), rated.tolist(), strict=True)
        )
        cells = (row.id, row.fold, row.speaker or "unknown", *texts, figure(distance))
        words = (transcripts.get(row.id, ""),) if transcripts else ()
        yield tuple(map(PageCell, (*cells, *words)))
