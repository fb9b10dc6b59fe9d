"""Section on modalities: their removal, their agreement, and the weights of layers."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np

from affuse.data.options.report_options import Report
from affuse.data.options.run_options import Ablate
from affuse.data.options.training_options import Train
from affuse.fuse.figures.line_figure import LineAxes, line_figure
from affuse.fuse.figures.report_figure import ReportFigure, file_word
from affuse.fuse.models.trainable.design_registry import find_trainable
from affuse.fuse.page.page_records import (
    FigureGroup,
    MissingData,
    PageCell,
    PageSection,
    PageTable,
    ScoredRow,
    no_predictions,
    trained_rows,
)
from affuse.fuse.reporting.table_records import ReportTable
from affuse.fuse.robustness.ablation import Ablation
from affuse.fuse.robustness.modality_weights import SHARE
from affuse.fuse.scoring import metrics
from affuse.fuse.scoring.statistics import folds
from affuse.fuse.trained.layer_weight_files import average_weights
from affuse.fuse.wording import figure

LAYERS = LineAxes("layer", "mean weight")


def contribution_section(table: ReportTable) -> PageSection:
    """Return what each modality and each layer contributes.

    Args:
        table: of a report
    """
    rows = trained_rows(table)
    layers = tuple(_layer_figures(table, rows))
    names = {each.run.info.name: each.row.name for each in rows}
    ablations = [
        replace(each, run=names.get(each.run, each.run)) for each in table.ablations
    ]
    return PageSection(
        name="modalities",
        title="Modalities and layers",
        sentences=tuple(
            dict.fromkeys(
                note
                for each in ablations
                for note in replace(each, weights={}).notes()  # they have a table
            )
        ),
        tables=(
            *map(_ablation, ablations),
            *_weights(ablations),
            *_agreement(rows),
        ),
        groups=(FigureGroup("Weights of layers", layers),) if layers else (),
        missing=tuple(_missing(table, rows, layers)) if rows else (no_predictions(),),
    )


def _missing(
    table: ReportTable, rows: Sequence[ScoredRow], layers: Sequence[ReportFigure]
) -> Iterator[MissingData]:
    """Yield the commands that provide what the section lacks."""
    fusions = [each for each in rows if len(each.run.info.encoders) > 1]
    if fusions and not table.ablations:
        run = fusions[0].run.path
        yield MissingData(
            "The figures without one of the modalities need the embeddings in the "
            "cache. The second command prints those of one run.",
            f"{Report(form='html', output='report.html', cache=Path('cache'))}; "
            f"{Ablate(run=run)}",
        )
    if not layers:
        command = (
            f"{Train(designs=('early',))} {shlex.join(['--set', 'layers=weighted'])}"
        )
        yield MissingData("No run learned the weights of layers.", command)


def _ablation(each: Ablation) -> PageTable:
    """Return the CCC of one run with modalities removed and permuted."""
    heads = ("input", *each.targets, "mean", "change")
    whole = float(np.mean(next(iter(each.figures.values()))))
    rows = []
    for place, (name, values) in enumerate(each.figures.items()):
        mean = float(np.mean(values))
        change = figure(mean - whole, sign=True) if place else ""
        cells = (name, *map(figure, values), figure(mean), change)
        rows.append(tuple(map(PageCell, cells)))
    return PageTable(f"CCC of {each.run} by its input", heads, tuple(rows))


def _weights(ablations: Sequence[Ablation]) -> Iterator[PageTable]:
    """Yield the weights by which gated designs combine the modalities."""
    lines = [
        (each.run, modality, *map(figure, (found.mean, found.low, found.high)))
        for each in ablations
        for modality, found in each.weights.items()
    ]
    if lines:
        yield PageTable(
            f"Weights of the modalities in designs with gates or experts: mean and "
            f"range of {SHARE} % of the test utterances",
            ("run", "modality", "mean", "low", "high"),
            tuple(tuple(map(PageCell, line)) for line in lines),
        )


def _agreement(rows: Sequence[ScoredRow]) -> Iterator[PageTable]:
    """Yield the correlation of the predictions and errors of single modalities."""
    alone = [e for e in rows if find_trainable(e.row.design).single_modality]
    lines = []
    for one, other in combinations(alone, 2):
        names = [find_trainable(e.row.design).single_modality for e in (one, other)]
        if names[0] == names[1]:
            continue
        for target in one.run.info.targets:
            found = _correlations(one, other, target)
            if found:
                cells = (f"{one.row.name} and {other.row.name}", target)
                numbers = map(figure, found)
                lines.append(tuple(map(PageCell, (*cells, *numbers))))
    if lines:
        yield PageTable(
            "Agreement of single modalities: correlations over the utterances of a "
            "fold, averaged over folds",
            ("designs", "rating", "r of predictions", "r of errors"),
            tuple(lines),
        )


def _correlations(
    one: ScoredRow, other: ScoredRow, target: str
) -> tuple[float, float] | None:
    """Return the correlations of predictions and of errors; None if not comparable."""
    if target not in other.run.info.targets:
        return None
    k, j = (each.run.info.targets.index(target) for each in (one, other))
    found = []
    pairs = zip(
        folds(one.run, "utterance"), folds(other.run, "utterance"), strict=False
    )
    for a, b in pairs:
        if a.name != b.name or a.ids.tolist() != b.ids.tolist():
            return None
        left, right = (
            a.predicted[:, :, k].mean(axis=0),
            b.predicted[:, :, j].mean(axis=0),
        )
        errors = (left - a.truth[:, k], right - b.truth[:, j])
        found.append((metrics.pearson(left, right), metrics.pearson(*errors)))
    first, second = np.mean(found, axis=0).tolist()
    return first, second


def _layer_figures(
    table: ReportTable, rows: Sequence[ScoredRow]
) -> Iterator[ReportFigure]:
    """Yield the weights of the layers of each run and modality that mixes layers."""
    for each in rows:
        weights = average_weights(each.run.path)
        for modality in dict.fromkeys(modality for _, modality in weights):
            lines = {
                rating: [(float(n), w) for n, w in sorted(means.items())]
                for (rating, found), means in weights.items()
                if found == modality and len(means) > 1
            }
            if lines:
                yield line_figure(
                    f"layers-{each.place}-{file_word(each.row.name)}-"
                    f"{file_word(modality)}",
                    f"{each.row.name}: weights of the layers of {modality}",
                    table.kind,
                    LAYERS,
                    lines,
                )
