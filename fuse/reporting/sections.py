"""Sections of a table: subsets of a run's test utterances that are scored separately.

Scripted sentences recur in training, and a text model may have memorised them.
Improvised, scripted and new sentences are therefore separate sections if they are
known, and if each fold has enough of them. New sentences are neither in training nor
in validation of the fold, as recorded in the run folder. Groups by a column of the
corpus are sections on request (`affuse.fuse.reporting.subgroups`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from affuse.data.runs.fold_table import FoldRow
from affuse.data.runs.run_predictions import Predictions, Run
from affuse.data.runs.sentence_overlap import read_sentences
from affuse.fuse.reporting.subgroups import group, groups
from affuse.fuse.reporting.table_records import SECTIONS
from affuse.fuse.scoring.statistics import LEAST_OF_SECTION

NEW = "new sentences"  # section
FEW = 0.1  # share of test utterances whose sentences may recur without a footnote
Rule = Callable[[FoldRow], bool]


def sections(run: Run, by: str = "") -> dict[str, Run]:
    """Return a run and its subsets, by the name of the section.

    Args:
        run: of any corpus
        by: column of the corpus whose groups become sections, e.g. ``gender F``

    Raises:
        AffuseError: if sentences.csv is damaged, or there are too many groups
    """
    subsets = {
        name: subset(run, keep)
        for name, keep in _rules(run).items()
        if _fewest(run, keep)[0] >= LEAST_OF_SECTION
    }
    known = {name: part for name, part in subsets.items() if part}
    return {"all": run, **known, **group_sections(run, by)}


def group_sections(run: Run, by: str) -> dict[str, Run]:
    """Return the subsets of the groups of one column, by the name of the section.

    Args:
        run: of any corpus
        by: column of the corpus, such as ``gender``; "" for no groups

    Raises:
        AffuseError: if there are too many groups
    """
    found = {}
    for name in groups(run, by):
        section = f"{by} {name}"
        # A column "new" with the value "sentences" would repeat a section's name.
        if section in SECTIONS:
            section = f"{by}: {name}"
        if part := subset(run, partial(_belongs, by=by, name=name)):
            found[section] = part
    return found


def notes(runs: Sequence[Run]) -> Iterator[str]:
    """Yield footnotes on sections that are too small, and on sentences that recur.

    Args:
        runs: of one table
    """
    yield from dict.fromkeys(filter(None, map(_recurring, runs)))
    small: dict[str, tuple[int, str]] = {}  # smallest fold of each section
    for run in runs:
        for name, keep in _rules(run).items():
            fewest = _fewest(run, keep)
            if fewest[0] < LEAST_OF_SECTION and any(map(keep, _tested(run))):
                small[name] = min(fewest, small.get(name, fewest))
    if small:
        each = ", ".join(
            f"{n} ({k} in fold '{fold}')" for n, (k, fold) in small.items()
        )
        yield (
            f"Not scored separately, because a fold has fewer than {LEAST_OF_SECTION} "
            f"such test utterances: {each}"
        )


def _recurring(run: Run) -> str:
    """Return a footnote if sentences recur and new ones cannot be scored, or ""."""
    is_new, overlaps = _rules(run)[NEW], read_sentences(run.path)
    seen, every = sum(overlaps.values()), len(overlaps)
    if seen <= FEW * every or _fewest(run, is_new)[0] >= LEAST_OF_SECTION:
        return ""
    return (
        f"Sentences: those of {seen:,} of {every:,} test utterances are in training or "
        f"validation too, so models of text may know their ratings; these figures do "
        f"not hold for new sentences"
    )


def _rules(run: Run) -> dict[str, Rule]:
    """Return a function for each section that is True for its rows of folds.csv.

    Raises:
        AffuseError: if sentences.csv is damaged
    """
    new = {place for place, seen in read_sentences(run.path).items() if not seen}
    return {
        "improvised": lambda row: row.scripted is False,
        "scripted": lambda row: row.scripted is True,
        NEW: lambda row: (row.fold, row.id) in new,
    }


def _fewest(run: Run, keep: Rule) -> tuple[int, str]:
    """Return the smallest number of a section's utterances in a fold, and the fold."""
    counts = {row.fold: 0 for row in _tested(run)}
    for row in filter(keep, _tested(run)):
        counts[row.fold] += 1
    return min(((n, fold) for fold, n in counts.items()), default=(0, ""))


def _tested(run: Run) -> Iterator[FoldRow]:
    """Return the test rows of folds.csv."""
    return iter(run.test_rows.values())


def subset(run: Run, keep: Rule) -> Run | None:
    """Return a run with a subset of its test utterances, or None if it is empty.

    Args:
        run: of any corpus
        keep: returns True for a row of the subset
    """
    kept = [*map(keep, run.test_rows.values()), False]  # the last one is number -1
    rows, p = np.array(kept)[run.row_numbers], run.predictions
    if not rows.any():
        return None
    predictions = Predictions(
        p.id[rows], p.fold[rows], p.seed[rows], p.truth[rows], p.predicted[rows]
    )
    return replace(run, predictions=predictions)


def _belongs(row: FoldRow, *, by: str, name: str) -> bool:
    """Return True if an utterance is in a group."""
    return group(row, by) == name
