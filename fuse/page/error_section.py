"""Section of the utterances whose predictions are furthest from their ratings."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from affuse.data import plugins
from affuse.data.cache.provenance import UNKNOWN_CORPUS, UNKNOWN_ROOT
from affuse.data.options.report_options import Report
from affuse.data.options.source_options import WriteUtterances
from affuse.data.plugin_kinds import CORPUS_KIND
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

PLACEHOLDERS = (
    " In the command, ROOT is the folder of the corpus, and CORPUS its reader."
)
SHOWN = 5  # utterances of each run
CAUTION = (
    "This page contains transcripts or recordings. The licence of a corpus may forbid "
    "to share them."
)


@dataclass(frozen=True)
class UtteranceError:
    """Test utterance with its rating and its prediction."""

    row: FoldRow
    predicted: np.ndarray  # (targets,), mean over the seeds
    rated: np.ndarray  # (targets,)
    distance: float  # absolute error, averaged over the ratings


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
            *((CAUTION,) if table.utterances else ()),
        ),
        tables=tuple(_table(each, table) for each in rows),
        missing=tuple(_missing(table, rows)),
    )


def _missing(table: ReportTable, rows: Sequence[ScoredRow]) -> Iterator[MissingData]:
    """Yield the command that provides predictions, transcripts or recordings."""
    if not rows:
        yield no_predictions()
        return
    if table.utterances and table.sounds:
        return
    write = _write_utterances(rows[0].run.info.corpus)
    show = Report(form="html", output="report.html", transcripts=Path("texts.csv"))
    if not table.utterances:
        sentence = f"Transcripts are not shown.{PLACEHOLDERS * bool(write.root)}"
        yield MissingData(sentence, f"{write}; {show}")
    show = replace(show, sounds=UNKNOWN_ROOT)
    yield MissingData(f"Recordings are not played.{PLACEHOLDERS}", f"{write}; {show}")


def _write_utterances(corpus: str) -> WriteUtterances:
    """Return the command that writes the transcripts of a corpus, with placeholders.

    Only the demo corpus needs no folder.
    """
    if corpus == "demo":
        return WriteUtterances(corpus=corpus, output="texts.csv")
    is_reader = corpus in plugins.names(CORPUS_KIND)
    reader, name = (corpus, "") if is_reader else (UNKNOWN_CORPUS, corpus)
    return WriteUtterances(
        corpus=reader, root=UNKNOWN_ROOT, name=name, output="texts.csv"
    )


def _table(each: ScoredRow, table: ReportTable) -> PageTable:
    """Return the utterances of largest error of one run."""
    targets = each.run.info.targets
    heads = ["utterance", "fold", "speaker", *targets, "distance"]
    heads += ["transcript"] if table.utterances else []
    heads += ["recording"] if table.sounds else []
    rows = tuple(_line(error, table) for error in largest_errors(each.run))
    return PageTable(f"{each.row.name}: predicted (rated)", tuple(heads), rows)


def largest_errors(run: Run) -> list[UtteranceError]:
    """Return the utterances whose mean predictions are furthest from their ratings.

    Args:
        run: of any corpus

    Returns:
        the largest errors, at most `SHOWN`
    """
    tested = {(row.fold, row.id): row for row in run.folds if row.part == "test"}
    found: list[UtteranceError] = []
    for fold in folds(run, "utterance"):
        mean = fold.predicted.mean(axis=0)  # (n, targets)
        distances = np.abs(mean - fold.truth).mean(axis=1)
        for k in np.argsort(-distances, kind="stable")[:SHOWN].tolist():
            row = tested[fold.name, str(fold.ids[k])]
            distance = float(distances[k])
            found.append(UtteranceError(row, mean[k], fold.truth[k], distance))
    found.sort(key=lambda each: (-each.distance, each.row.id))
    return found[:SHOWN]


def _line(error: UtteranceError, table: ReportTable) -> tuple[PageCell, ...]:
    """Return the line of one utterance."""
    row = error.row
    pairs = zip(error.predicted.tolist(), error.rated.tolist(), strict=True)
    texts = (f"{figure(p, digits=2)} ({figure(t, digits=2)})" for p, t in pairs)
    speaker = row.speaker or "unknown"
    words = [row.id, row.fold, speaker, *texts, figure(error.distance)]
    if table.utterances:
        listed = table.utterances.get(row.id)
        words.append(listed.text if listed else "")
    cells = tuple(map(PageCell, words))
    if not table.sounds:
        return cells
    sound = table.sounds.get(row.id, b"")
    return (*cells, PageCell("" if sound else "not included", sound=sound))
