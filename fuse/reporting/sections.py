"""Sections of a table: subsets of a run's test utterances that are scored separately.

Scripted sentences recur in training, and a text model may have memorised them.
Improvised, scripted and new sentences are therefore separate sections if they are
known. New sentences are neither in training nor in validation of the fold, as recorded
in the run folder. Groups by a column of the corpus are sections on request
(`affuse.fuse.reporting.subgroups`).
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from affuse.data.runs.fold_table import FoldRow
from affuse.data.runs.run_predictions import Predictions, Run
from affuse.data.runs.sentence_overlap import read_sentences
from affuse.fuse.reporting.subgroups import group, groups
from affuse.fuse.reporting.table_records import SECTIONS


def sections(run: Run, by: str = "") -> dict[str, Run]:
    """Return a run and its subsets, by the name of the section.

    Args:
        run: of any corpus
        by: column of the corpus whose groups become sections, e.g. ``gender F``

    Raises:
        AffuseError: if sentences.csv is damaged, or there are too many groups
    """
    new = {place for place, seen in read_sentences(run.path).items() if not seen}
    rules: dict[str, Callable[[FoldRow], bool]] = {
        "improvised": lambda row: row.scripted is False,
        "scripted": lambda row: row.scripted is True,
        "new sentences": lambda row: (row.fold, row.id) in new,
    }
    subsets = {name: subset(run, keep) for name, keep in rules.items()}
    for name in groups(run, by):
        section = f"{by} {name}"
        # A column "new" with the value "sentences" would repeat a section's name.
        if section in (*SECTIONS, *subsets):
            section = f"{by}: {name}"
        subsets[section] = subset(run, partial(_belongs, by=by, name=name))
    return {"all": run} | {name: part for name, part in subsets.items() if part}


def subset(run: Run, keep: Callable[[FoldRow], bool]) -> Run | None:
    """Return a run with a subset of its test utterances, or None if it is empty.

    Args:
        run: of any corpus
        keep: returns True for a row of the subset
    """
    pairs = {(r.fold, r.id) for r in run.folds if r.part == "test" and keep(r)}
    p = run.predictions
    rows = [pair in pairs for pair in zip(p.fold.tolist(), p.id.tolist(), strict=True)]
    if not any(rows):
        return None
    predictions = Predictions(
        p.id[rows], p.fold[rows], p.seed[rows], p.truth[rows], p.predicted[rows]
    )
    return replace(run, predictions=predictions)


def _belongs(row: FoldRow, *, by: str, name: str) -> bool:
    """Return True if an utterance is in a group."""
    return group(row, by) == name
